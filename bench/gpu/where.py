"""Where a report was made: the card, the machine, the commit; and the build."""

import datetime
import json
import os
import platform
import re
import shutil

from run import ROOT, run

FIELDS = ["name", "compute_cap", "driver_version", "memory.total", "memory.used", "utilization.gpu",
          "power.limit", "clocks.max.sm", "clocks.max.memory", "temperature.gpu"]
AFTER = ["clocks.sm", "clocks.mem", "power.draw", "temperature.gpu",
         "clocks_throttle_reasons.active"]
TARGETS = ["burin", "burin_steps", "cuda_kernel_tests", "cuda_model_tests", "cuda_command_tests",
           "cuda_kernel_bench", "cuda_step_bench", "cuda_roofline_bench"]


def query(fields):
    """One object a card, by nvidia-smi; [] where there is none. Fields that this nvidia-smi does
    not know are left out."""
    def ask(some):
        answer = run(["nvidia-smi", "--query-gpu=" + ",".join(some), "--format=csv,noheader"], 60)
        if answer.code != 0:
            return []
        rows = [line.split(", ") for line in answer.out.strip().splitlines()]
        return [dict(zip(some, row)) for row in rows if len(row) == len(some)]
    cards = ask(fields)
    if cards or not ask(fields[:1]):
        return cards
    for field in fields:
        answers = ask([field])
        cards = cards or [{} for _ in answers]
        for card, answer in zip(cards, answers):
            card.update(answer)
    return cards


def find_nvcc():
    for candidate in (os.environ.get("CUDACXX"), shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    return None


def nvcc_version(nvcc):
    if nvcc is None:
        return "not found"
    text = run([nvcc, "--version"], 60).out
    found = re.search(r"release (\S+), V(\S+)", text)
    return found.group(2) if found else text.strip()


def processor():
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def commit():
    head = run(["git", "rev-parse", "HEAD"]).out.strip()
    changed = run(["git", "status", "--porcelain", "--untracked-files=no"]).out.strip()
    return (head or "unknown") + (" with changes" if changed else "")


def describe(cards):
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": commit(), "gpus": cards, "nvcc": nvcc_version(find_nvcc()),
            "cpu": processor(), "processors": len(os.sched_getaffinity(0)),
            "system": platform.platform(), "python": platform.python_version()}


def burin_info(report):
    """What the program says of itself: the GPU that it would take, its compiler."""
    answer = report.on_gpu("burin", ["info", "--json"], 300)
    try:
        return json.loads(answer.out)
    except ValueError:
        report.fail("burin info", answer.trouble() or answer.last_lines(1))
        return None


def first_error(outcome):
    """From the first line that says that something failed."""
    lines = (outcome.out + outcome.err).splitlines()
    start = next((i for i, line in enumerate(lines)
                  if line.startswith(("FAILED:", "CMake Error"))), max(0, len(lines) - 40))
    return "\n".join(lines[start:start + 40])


def build(report):
    """Configures and builds what the report needs, or takes the build that is there."""
    folder = report.build
    if report.options.build:
        made = {"folder": str(folder), "built": False}
        if not folder.is_dir():
            report.fail("build", f"{folder} is not there")
        return made
    made = {"folder": str(folder), "built": True, "seconds": 0.0, "ok": False}
    nvcc = find_nvcc()
    if nvcc is None:
        report.fail("build", "nvcc was not found, neither on PATH nor in /usr/local/cuda/bin: "
                             "install the CUDA toolkit (13), or name it by CUDACXX")
        return made
    configure = ["cmake", "--preset", "cuda-release", "-B", folder]
    targets = list(TARGETS)
    if report.softgpu:
        targets.append("softgpu")
        if (ROOT / "tests/softgpu/cublas").is_dir():
            targets.append("softgpu_cublas")
    else:
        configure.append("-DCMAKE_CUDA_ARCHITECTURES=native")
    jobs = str(len(os.sched_getaffinity(0)))
    for command in (configure, ["cmake", "--build", folder, "--parallel", jobs, "--target", *targets]):
        outcome = run(command, env={**os.environ, "CUDACXX": nvcc})
        made["seconds"] += outcome.seconds
        if outcome.code != 0:
            made["output"] = first_error(outcome)
            report.fail("build", f"{command[0]} {command[1]}: {outcome.trouble()}")
            return made
    made["ok"] = True
    return made
