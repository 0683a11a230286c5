"""The benchmarks: the card's roofs, each kernel, whole steps. On a GPU times, on the software GPU
counters. A roof: what is moved at the bandwidth of a large copy, or what is multiplied at the rate
of the best large product of the same precision, whichever takes longer."""

import json

from run import spread

LIMIT = 3600  # s
COUNTERS = ["launches", "sectors", "sectors/least", "bank_conflicts", "mma", "instructions"]


def benchmark(report, program, pattern, least_time):
    """(context, rows) of a program of the build: a row has the name, the counters, and on a GPU
    the microseconds of each repetition."""
    name = program.split("/")[-1]
    file = report.scratch / f"{name}.json"
    arguments = [f"--benchmark_out={file}", "--benchmark_out_format=json"]
    if pattern:
        arguments.append(f"--benchmark_filter={pattern}")
    if not report.softgpu:
        arguments += [f"--benchmark_repetitions={3 if report.quick else 9}",
                      "--benchmark_enable_random_interleaving=true",
                      f"--benchmark_min_time={least_time}"]
    outcome = report.on_gpu(program, arguments, LIMIT, ["--count"])
    try:
        measured = json.loads(file.read_text())
    except (OSError, ValueError):
        report.fail(name, outcome.trouble() or "it wrote no figures")
        if outcome.code != 127:
            report.say(outcome.last_lines(5))
        return {}, []
    if outcome.trouble():
        report.fail(name, outcome.trouble())
    rows = {}
    # Interleaved at random; here in the order of the program.
    for b in sorted(measured["benchmarks"], key=lambda b: b["family_index"]):
        if b["run_type"] != "iteration":
            continue
        short = b["name"].split("/iterations:")[0].split("/repeats:")[0].split("/min_time:")[0]
        short = short.removesuffix("/manual_time")
        if b.get("error_occurred"):
            report.fail(name, f"{short}: {b.get('error_message', '')}")
            continue
        row = rows.setdefault(short, {"name": short, "microseconds": [], "counters": b})
        row["microseconds"].append(b["real_time"])
    if not rows:
        report.fail(name, "nothing was measured")
    report.say(f"  {name}: {len(rows)} measured ({outcome.seconds:.0f} s)")
    return measured["context"], list(rows.values())


def precision_of(name):
    return next((p for p in ("tf32", "bf16") if p in name), "fp32")


def counts(row):
    return {k: row["counters"][k] for k in COUNTERS if k in row["counters"]}


def rate_times_time(row, rate):
    """A rate's numerator, in its unit: it is the same in every repetition."""
    return row["counters"].get(rate, 0.0) * row["counters"]["real_time"] * 1e-6


def roofline(report):
    context, rows = benchmark(report, "bench/cuda_roofline_bench", "", 0.02)
    result = {"context": {k: v for k, v in context.items()
                          if k in ("device", "compute_capability", "multiprocessors",
                                   "memory_bytes", "driver_cuda", "runtime_cuda", "cublas")},
              "rows": []}
    for row in rows:
        c, made = row["counters"], {"name": row["name"]}
        if "bytes" in c:
            made["bytes"] = c["bytes"]
        if "GFLOP" in c:
            made["gflop"] = c["GFLOP"]
        if report.softgpu:
            made["counters"] = counts(row)
        else:
            made["microseconds"] = spread(row["microseconds"])
            median = made["microseconds"]["median"]
            if row["name"].startswith("copy/"):
                made["gb_per_s"] = 1e-3 * c["bytes"] / median
            if "GFLOP" in c:
                made["tflop_per_s"] = 1e3 * c["GFLOP"] / median
        result["rows"].append(made)
    if report.softgpu:
        return result
    result["gb_per_s"] = max((r["gb_per_s"] for r in result["rows"] if "gb_per_s" in r), default=0)
    result["tflop_per_s"] = {}
    for r in result["rows"]:
        if "tflop_per_s" in r:
            p = precision_of(r["name"])
            result["tflop_per_s"][p] = max(r["tflop_per_s"], result["tflop_per_s"].get(p, 0.0))
    for how in ("alone", "graph"):
        result[f"launch_{how}_microseconds"] = next(
            (r["microseconds"]["median"] for r in result["rows"] if r["name"] == f"launch/{how}"), 0.0)
    return result


def under_roof(made, roof, moved, gflop, precision):
    """Adds what the roof allows, and the part of it that was reached."""
    bandwidth = (roof or {}).get("gb_per_s")
    peak = (roof or {}).get("tflop_per_s", {}).get(precision)
    if not bandwidth or (gflop and not peak):
        return
    memory = 1e-3 * moved / bandwidth
    arithmetic = 1e3 * gflop / peak if gflop else 0.0
    made["roof_microseconds"] = max(memory, arithmetic)
    made["roof"] = "memory" if memory >= arithmetic else "arithmetic"
    made["of_roof"] = made["roof_microseconds"] / made["microseconds"]["median"]


def kernels(report, roof):
    pattern = "^(leaky_relu|bce_logits|gemm/forward)" if report.softgpu and report.quick else ""
    _, rows = benchmark(report, "bench/cuda_kernel_bench", pattern, 0.002)
    result = []
    for row in rows:
        moved = row["counters"].get("bytes", 0.0)
        made = {"name": row["name"], "bytes": moved}
        if report.softgpu:
            made["counters"] = counts(row)
        else:
            made["microseconds"] = spread(row["microseconds"])
            median = made["microseconds"]["median"]
            made["gb_per_s"] = 1e-3 * moved / median
            gflop = rate_times_time(row, "GFLOP/s")
            if gflop:
                made["gflop"], made["gflop_per_s"] = gflop, 1e6 * gflop / median
            under_roof(made, roof, moved, gflop, precision_of(row["name"]))
        result.append(made)
    return result


def steps(report, roof):
    pattern = "" if not report.softgpu else "/vae/fp32/own" if report.quick else "/own"
    _, rows = benchmark(report, "bench/cuda_step_bench", pattern, 0.002)
    result = []
    for row in rows:
        _, name, precision, gemm = row["name"].split("/")
        c = row["counters"]
        made = {"step": name, "precision": precision, "gemm": gemm, "kernels": int(c["kernels"]),
                "mflop": c["MFLOP"], "least_bytes": c["least_bytes"]}
        if report.softgpu:
            made["counters"] = {"bytes": c["bytes"], "instructions": c["instructions"]}
            made["by_kernel"] = {k.removesuffix(" bytes"): {"launches": c[k.removesuffix("bytes") + "launches"],
                                                            "bytes": c[k]}
                                 for k in c if k.endswith(" bytes")}
        else:
            made["microseconds"] = spread(row["microseconds"])
            median = made["microseconds"]["median"]
            made["images_per_s"] = 1e6 * rate_times_time(row, "images/s") / median
            made["gflop_per_s"] = 1e3 * c["MFLOP"] / median
            under_roof(made, roof, c["least_bytes"], 1e-3 * c["MFLOP"], precision)
            if roof and roof.get("launch_graph_microseconds"):
                made["launches_microseconds"] = made["kernels"] * roof["launch_graph_microseconds"]
        result.append(made)
    return result
