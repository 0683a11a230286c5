"""The report as one HTML page that needs nothing else."""

import html

STYLE = """
:root { color-scheme: light dark; --line: #8886; --bad: #c22; --soft: #8882; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 74rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p, li { max-width: 52rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .7rem .2rem 0; text-align: right;
  white-space: nowrap; }
th { vertical-align: bottom; font-weight: 600; } th:first-child, td:first-child { text-align: left; }
.range, .note { opacity: .7; font-size: .87em; }
.bad { color: var(--bad); font-weight: 600; }
pre { background: var(--soft); padding: .7rem; overflow-x: auto; font-size: .85em; }
table.facts td:last-child { text-align: left; white-space: normal; padding-left: 1rem; }
"""


def text(value):
    return html.escape(str(value))


class Cell(str):
    """Already HTML."""


def number(value, digits=3):
    """`digits` significant digits at least, thousands apart."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    shown = f"{value:.{digits}g}"
    return f"{value:.6f}".rstrip("0") if "e" in shown else shown


def ranged(s):
    return Cell(f'{number(s["median"])} <span class="range">({number(s["least"])}-'
                f'{number(s["greatest"])})</span>')


def bar(part, label=""):
    """A bar of `part` of its room, 0 to 1, and the label beside it."""
    if part is None:
        return ""
    width = 120
    filled = max(1.0, width * min(1.0, part))
    return Cell(f'<svg width="{width}" height="12" role="img" aria-label="{text(label)}">'
                f'<rect width="{width}" height="12" fill="#888" fill-opacity="0.2"></rect>'
                f'<rect width="{filled:.1f}" height="12" fill="#3b7dd8"></rect></svg> {text(label)}')


def percent(part):
    return bar(part, f"{100 * part:.0f} %" if part is not None else "")


def table(heads, rows):
    if not rows:
        return "<p class='note'>Nothing was measured.</p>"
    lines = ["<div class='wide'><table><thead><tr>", *(f"<th>{text(h)}</th>" for h in heads),
             "</tr></thead><tbody>"]
    for row in rows:
        lines.append("<tr>" + "".join(
            f"<td>{c if isinstance(c, Cell) else text(c)}</td>" for c in row) + "</tr>")
    return "".join(lines) + "</tbody></table></div>"


def facts(pairs):
    return "<table class='facts'>" + "".join(f"<tr><td>{text(k)}</td><td>{text(v)}</td></tr>"
                                             for k, v in pairs if v != "") + "</table>"


def where(data):
    w, pairs = data["where"], []
    for i, gpu in enumerate(w["gpus"]):
        pairs.append((f"GPU {i}", ", ".join(f"{k} {v}" if k != "name" else v
                                            for k, v in gpu.items())))
    for i, gpu in enumerate(w.get("gpus_after", [])):
        pairs.append((f"GPU {i}, at the end", ", ".join(f"{k} {v}" for k, v in gpu.items())))
    burin = w.get("burin") or {}
    context = (data.get("roofline") or {}).get("context", {})
    pairs += [("taken by Burin", burin.get("gpu", "")),
              ("multiprocessors", context.get("multiprocessors", "")),
              ("CUDA of driver, of runtime", ", ".join(
                  context[k] for k in ("driver_cuda", "runtime_cuda") if k in context)),
              ("cuBLAS", context.get("cublas", "")), ("nvcc", w["nvcc"]),
              ("CPU", f"{w['cpu']}, {w['processors']} processors"), ("system", w["system"]),
              ("compiler", burin.get("compiler", "")), ("commit", w["commit"])]
    return facts(pairs)


def in_short(data):
    """The figures that one looks for first, of a GPU."""
    lines = []
    for s in data["steps"] or []:
        if s["step"] in ("gan-full", "mnist-vae") and s["gemm"] == "own":
            of_roof = f", {100 * s['of_roof']:.0f} % of the card's roof" if "of_roof" in s else ""
            lines.append(f"{s['step']}, {s['precision']}: {number(s['microseconds']['median'])} "
                         f"microseconds a step, {number(s['images_per_s'])} images/s{of_roof}")
    for made in (data["pytorch"] or {}).get("results", []):
        ratios = {name: s["burin_is_faster"]["median"] for name, s in made["sides"].items()
                  if "burin_is_faster" in s}
        if ratios:
            best = min(ratios, key=ratios.get)
            lines.append(f"{made['step']}, {made['precision']}: {number(ratios[best])} times the "
                         f"speed of {best}, PyTorch's fastest here")
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>" if lines else ""


def build(data):
    b = data["build"]
    if not b["built"]:
        return f"<p>The build that was in {text(b['folder'])}.</p>"
    told = "took" if b.get("ok") else "<span class='bad'>failed</span> after"
    page = f"<p>Preset cuda-release in {text(b['folder'])}: {told} {b['seconds']:.0f} s.</p>"
    return page + (f"<pre>{text(b['output'])}</pre>" if "output" in b else "")


def tests(data):
    page = table(["program", "passed", "failed", "skipped", "seconds"],
                 [[t["program"] + (f" ({t['filter']})" if t["filter"] else ""), t["passed"],
                   Cell(f"<span class='bad'>{len(t['failed']) or 'stopped'}</span>")
                   if t["failed"] or "output" in t else 0,
                   sum(t["skipped"].values()), f"{t['seconds']:.1f}"] for t in data["tests"]])
    for t in data["tests"]:
        for reason, count in t["skipped"].items():
            page += f"<p class='note'>{text(t['program'])}: {count} skipped: {text(reason)}</p>"
        for failed in t["failed"][:20]:
            page += (f"<p class='bad'>{text(failed['test'])}</p>"
                     f"<pre>{text(failed['message'][:2000])}</pre>")
        if "output" in t:
            page += f"<pre>{text(t['output'])}</pre>"
    return page


def counters(heads, rows):
    """Of a row with "counters"; a bar of the least sectors over those moved."""
    def cells(row):
        c = row["counters"]
        yield from (number(row.get("bytes")), number(c.get("launches")), number(c.get("sectors")))
        yield percent(min(1.0, 1 / c["sectors/least"]) if c.get("sectors/least") else None)
        yield from (number(c.get(k)) for k in ("bank_conflicts", "mma", "instructions"))
    return table([*heads, "bytes", "launches", "sectors", "least / sectors", "bank conflicts",
                  "mma", "instructions"], [[row["name"], *cells(row)] for row in rows])


def roofline(data):
    roof = data["roofline"]
    if data["mode"] == "softgpu":
        return counters(["case, at a small size"], roof["rows"])
    best = max(roof["tflop_per_s"].values(), default=1) or 1
    page = table(["", "microseconds", "GB/s", "TFLOP/s", ""],
                 [[r["name"], ranged(r["microseconds"]), number(r.get("gb_per_s")),
                   number(r.get("tflop_per_s")),
                   bar(r["tflop_per_s"] / best) if "tflop_per_s" in r else ""]
                  for r in roof["rows"]])
    peaks = ", ".join(f"{p} {number(v)} TFLOP/s" for p, v in roof["tflop_per_s"].items())
    return page + (f"<p>The roofs: {number(roof['gb_per_s'])} GB/s; {peaks}. A kernel that does "
                   f"nothing takes {number(roof['launch_graph_microseconds'])} microseconds in a "
                   f"graph, {number(roof['launch_alone_microseconds'])} alone between two "
                   "events.</p>")


def kernels(data):
    if data["mode"] == "softgpu":
        return counters(["case"], data["kernels"])
    return ("<p>One call between two events, cold L2 cache. Of the roof: what memory or arithmetic "
            "alone would take, over what was taken, the time of a launch included.</p>" + table(
                ["case", "microseconds", "bytes", "GB/s", "GFLOP/s", "roof", "of the roof"],
                [[k["name"], ranged(k["microseconds"]), number(k["bytes"]), number(k["gb_per_s"]),
                  number(k.get("gflop_per_s")), k.get("roof", ""), percent(k.get("of_roof"))]
                 for k in data["kernels"]]))


def steps(data):
    heads = ["step", "factors", "products", "kernels", "MFLOP", "least bytes"]
    def first(s):
        return [s["step"], s["precision"], s["gemm"], s["kernels"], number(s["mflop"]),
                number(s["least_bytes"])]
    if data["mode"] == "softgpu":
        most = max((s["counters"]["bytes"] for s in data["steps"]), default=1)
        page = table([*heads, "bytes moved", "", "instructions"],
                     [[*first(s), number(s["counters"]["bytes"]),
                       bar(s["counters"]["bytes"] / most), number(s["counters"]["instructions"])]
                      for s in data["steps"]])
        for s in data["steps"]:
            page += (f"<details><summary>Kernels of {text(s['step'])} {text(s['precision'])} "
                     f"{text(s['gemm'])}</summary>" + table(
                         ["kernel", "launches", "bytes"],
                         [[k, number(v["launches"]), number(v["bytes"])]
                          for k, v in s["by_kernel"].items()]) + "</details>")
        return page
    most = max((s["images_per_s"] for s in data["steps"]), default=1)
    return ("<p>A replayed graph a step. Of the roof: as above, with what must be read and written "
            "of what outlives the step. Launches alone: kernels times the time of one that does "
            "nothing.</p>" + table(
                [*heads, "microseconds", "images/s", "", "GFLOP/s", "launches alone", "of the roof"],
                [[*first(s), ranged(s["microseconds"]), number(s["images_per_s"]),
                  bar(s["images_per_s"] / most), number(s["gflop_per_s"]),
                  number(s.get("launches_microseconds")), percent(s.get("of_roof"))]
                 for s in data["steps"]]))


def pytorch(data):
    p = data["pytorch"]
    if p["missing"]:
        return f"<p>Not compared: {text(p['missing'])}.</p>"
    page = (f"<p>PyTorch {text(p['version'])} for CUDA {text(p['cuda'])}, {p['rounds']} rounds of "
            f"{p['seconds']} s a side, in turns. Median, least and greatest. Ratio: Burin with its "
            "own products over this side, round by round.</p>")
    if p["device"] == "cpu":
        page += "<p class='bad'>On the CPU: a trial of the comparison, no figure of a GPU.</p>"
    for made in p["results"]:
        most = max((s["images_per_s"]["median"] for s in made["sides"].values()), default=1)
        page += f"<h3>{text(made['step'])}, {text(made['precision'])}</h3>" + table(
            ["side", "images/s", "", "microseconds a step", "ratio"],
            [[name, ranged(s["images_per_s"]), bar(s["images_per_s"]["median"] / most),
              number(s["microseconds"]),
              ranged(s["burin_is_faster"]) if "burin_is_faster" in s else ""]
             for name, s in made["sides"].items()])
        for name, why in made["failed"].items():
            page += f"<p class='note'>without {text(name)}: {text(why)}</p>"
    return page


SECTIONS = [("where", "Where", where), ("build", "Build", build), ("tests", "Tests", tests),
            ("roofline", "The card's roofs", roofline), ("kernels", "Kernels", kernels),
            ("steps", "Whole training steps", steps), ("pytorch", "Beside PyTorch", pytorch)]


def page(data):
    softgpu = data["mode"] == "softgpu"
    name = next((g.get("name") for g in data["where"]["gpus"]), None)
    title = "Burin on " + ("the software GPU" if softgpu else name or "a GPU")
    body = [f"<h1>{text(title)}</h1><p class='note'>{text(data['where']['date'])}, commit "
            f"{text(data['where']['commit'][:12])}, {data['seconds']:.0f} s</p>"]
    if softgpu:
        body.append("<p>No GPU was used: the kernels ran on the CPU. Counters are exact; there is "
                    "no time in this report, and nothing in it says how fast a GPU is.</p>")
    if data["failures"]:
        body.append("<p class='bad'>What failed:</p><ul>" +
                    "".join(f"<li>{text(f)}</li>" for f in data["failures"]) + "</ul>")
    else:
        body.append("<p>Nothing failed.</p>")
    if not softgpu:
        body.append(in_short(data))
    for key, heading, section in SECTIONS:
        body.append(f"<h2 id='{key}'>{text(heading)}</h2>")
        body.append("<p class='note'>Not run.</p>" if data.get(key) is None else section(data))
    return ("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width, initial-scale=1'>"
            f"<title>{text(title)}</title><style>{STYLE}</style></head>\n<body>"
            + "\n".join(body) + "\n</body></html>\n")
