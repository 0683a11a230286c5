"""Burin beside PyTorch on the same GPU: both train the same networks, taking turns."""

import json
import os
import statistics
import sys

from run import ROOT, run, spread

sys.path.insert(0, str(ROOT / "bench" / "peers"))
import side  # noqa: E402

STEPS = ["gan", "gan-full", "vae", "vae784", "mnist-vae"]
PRECISIONS = ["fp32", "tf32", "bf16"]
MODES = ["eager", "compile", "graph"]
LIMIT = 600  # s, of an answer: torch.compile takes minutes on a slow machine
PROBE = """import json, torch
here = torch.cuda.is_available()
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "available": here,
                  "gpu": torch.cuda.get_device_name() if here else None}))"""


def probe(python):
    """What PyTorch this interpreter has; or why none can be used."""
    answer = run([python, "-c", PROBE], 300)
    try:
        found = json.loads(answer.out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None, f"{python} cannot import torch: {answer.last_lines(1) or answer.trouble()}"
    return found, ""


class Rounds:
    """One step at one precision: all sides stay in memory and train in turns."""

    def __init__(self, report, step, precision, device, errors):
        self.result = {"step": step, "precision": precision, "sides": {}, "failed": {}}
        self.sides = {}
        burin = report.build / "bench" / "burin_steps"
        if not burin.exists():
            raise side.Failure(f"{burin} is missing")
        for gemm in ["own", "auto"] if device == "cuda" else ["own"]:
            self.start(f"burin {gemm}", [burin, step, "1", "fixed", side.DEFAULT_DATA, device,
                                         precision, gemm], None, errors)
        first = next(iter(self.sides.values()), None)
        if first is None:
            raise side.Failure(next(iter(self.result["failed"].values())))
        self.batch = first.hello["config"]["batch"]
        script = ROOT / "bench" / "gpu" / "torch_side.py"
        for mode in MODES if device == "cuda" else ["eager"]:
            self.start(f"torch {mode}", [report.options.python, "-B", script, "1", side.DEFAULT_DATA,
                                         device, mode, precision], first.hello, errors)

    def start(self, name, command, settings, errors):
        try:
            made = side.Side(name, [str(c) for c in command], settings, LIMIT, errors)
        except (side.Failure, OSError, ValueError) as failure:
            self.result["failed"][name] = str(failure)
            return
        if "failure" in made.hello:
            made.close()
            self.result["failed"][name] = made.hello["failure"]
            return
        self.sides[name] = made

    def train(self, rounds, seconds):
        names, rates, last = list(self.sides), {name: [] for name in self.sides}, {}
        for number in range(rounds + 1):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                if name in self.result["failed"]:
                    continue
                try:
                    last[name] = self.sides[name].train(seconds)
                except (side.Failure, ValueError) as failure:
                    self.result["failed"][name] = str(failure)
                    continue
                if number > 0:  # the first round is not counted
                    rates[name].append(self.batch * last[name]["steps"] / last[name]["seconds"])
        for name in names:
            self.sides[name].close()
            if name in self.result["failed"]:
                continue
            ratio = {}
            if name.startswith("torch") and "burin own" not in self.result["failed"]:
                ratio = {"burin_is_faster": spread(
                    [b / t for b, t in zip(rates["burin own"], rates[name])])}
            self.result["sides"][name] = {
                "version": self.sides[name].hello["version"], "images_per_s": spread(rates[name]),
                "microseconds": 1e6 * self.batch / statistics.median(rates[name]), **ratio,
                "losses": last[name]["losses"], "zeros": last[name]["zeros"]}
        return self.result


def compare(report):
    python = report.options.python
    device = "cpu" if report.options.pytorch_on_cpu else "cuda"
    result = {"python": python, "device": device, "missing": "", "results": []}
    if report.softgpu and device == "cuda":
        result["missing"] = "PyTorch needs a GPU; the software GPU does not run it"
        return result
    found, why = probe(python)
    if found is None:
        result["missing"] = why
        return result
    result.update(found)
    if device == "cuda" and not found["available"]:
        result["missing"] = (f"PyTorch {found['version']} of {python} sees no GPU "
                             f"(built for CUDA {found['cuda']})")
        return result
    steps, precisions, rounds, seconds = STEPS, PRECISIONS, 7, 0.3
    if report.quick:
        steps, rounds, seconds = ["gan-full", "mnist-vae"], 3, 0.2
    if device == "cpu":
        precisions = ["fp32"]
    result.update({"rounds": rounds, "seconds": seconds})
    noise = report.scratch / "torch.txt"
    for step in steps:
        for precision in precisions:
            with open(noise, "w") as errors:
                try:
                    made = Rounds(report, step, precision, device, errors).train(rounds, seconds)
                except side.Failure as failure:
                    text = noise.read_text().strip().splitlines()[-1:]
                    report.fail("pytorch", f"{step} {precision}: {failure}: {' '.join(text)}")
                    continue
            result["results"].append(made)
            report.say("  " + told(made))
            for name, why in made["failed"].items():
                if name.startswith("burin"):
                    report.fail("pytorch", f"{step} {precision} {name}: {why}")
                else:  # told on the page: PyTorch's troubles are no fault of Burin
                    report.say(f"  {step} {precision}: without {name}: {why}")
    return result


def told(made):
    parts = [f"{name} {s['images_per_s']['median']:,.0f}" for name, s in made["sides"].items()]
    return f"{made['step']} {made['precision']}, images/s: " + ", ".join(parts)
