"""Who can take part in peers/run on this machine, in which variants, and why others cannot.

A contestant has dimensions, each a list of values (threads, kernels of OpenBLAS, how the update is
written ...). A pilot round goes through them one after another and keeps the best value of each, so
that none looks slow by its settings.
"""

import json
import os
import subprocess
import sys

import served
import side

HERE = os.path.dirname(os.path.abspath(__file__))
SETUP_PYTHON = os.path.join(side.ROOT, "build", "peers", "bin", "python")  # of peers/setup
LIMIT = 900  # s, of an answer: a first step may compile
PROBE = """import importlib.util, json, os
os.environ.setdefault("JAX_PLATFORMS", "cpu")
found = {}
if importlib.util.find_spec("torch"):
    import torch
    found["torch"] = {"version": torch.__version__, "file": torch.__file__,
                      "compile": hasattr(torch, "compile"),
                      "openblas": "BLAS_INFO=mkl" not in torch.__config__.show()}
if importlib.util.find_spec("jax"):
    import jax
    found["jax"] = {"version": jax.__version__, "file": jax.__file__}
print(json.dumps(found))"""


class Contestant:
    """`command(choice)` returns a command line and what to add to the environment, for a choice of
    one value from each dimension."""

    def __init__(self, name, kind, dimensions, command, steps=None, wants_settings=True):
        self.name, self.kind, self.dimensions, self.command = name, kind, dimensions, command
        self.steps = steps  # that it can do; None: all
        self.wants_settings = wants_settings

    def first_choice(self):
        return {name: values[0] for name, values in self.dimensions.items()}

    def start(self, choice, settings, errors=None, environment=None):
        command, added = self.command(choice)
        return side.Side(self.name, command, settings if self.wants_settings else None, LIMIT,
                         errors, {**added, **(environment or {})})


def told(choice):
    return ", ".join(f"{name} {value or 'by itself'}" if name in ("threads", "OpenBLAS core")
                     else value for name, value in choice.items() if value or name != "XLA flags")


def thread_counts(most):
    return [1] if most == 1 else [1, most]


def openblas_cores():
    """OpenBLAS takes kernels by the processor's model number, and where it does not know the model
    the slowest; so the newest that this processor can run come first, then its own choice."""
    cores = ["SkylakeX"] if served.has_avx512() else []
    if {"avx2", "fma"} <= served.processor_flags():
        cores.append("Haswell")
    return cores + [""]


def core_environment(choice):
    core = choice.get("OpenBLAS core", "")
    return {"OPENBLAS_CORETYPE": core} if core else {}


def burin(options, step):
    def command(choice):
        return [options.burin, step, str(choice["threads"]), "fixed", options.data], {}
    return Contestant("Burin", "burin", {"threads": thread_counts(options.threads)}, command,
                      wants_settings=False)


def floors(options, step, pixels):
    """The matrix products alone: by oneDNN, else OpenBLAS; and by Burin's own."""
    program = os.path.join(os.path.dirname(os.path.abspath(options.burin)), "gemm_floor")
    if not os.access(program, os.X_OK):
        return [], [("matrix products", f"{program} is missing; build the target gemm_floor")]

    def contestant(name, library, dimensions):
        def command(choice):
            return ([program, step, library, str(choice["threads"]), str(pixels)],
                    core_environment(choice))
        return Contestant(name, "floor", dimensions, command, wants_settings=False)

    def works(library):
        return subprocess.run([program, "vae", library, "1", "784"], stdin=subprocess.DEVNULL,
                              capture_output=True).returncode == 0

    threads = {"threads": thread_counts(options.threads)}
    found = []
    if works("onednn"):
        found.append(contestant("products by oneDNN", "onednn", threads))
    elif works("openblas"):
        found.append(contestant("products by OpenBLAS", "openblas",
                                {"OpenBLAS core": openblas_cores(), **threads}))
    found.append(contestant("products by Burin", "burin", threads))
    skipped = [] if len(found) > 1 else [("products by oneDNN or OpenBLAS", "gemm_floor was built "
                                          "without both; on Debian or Ubuntu: apt install "
                                          "libdnnl-dev ocl-icd-opencl-dev, configure and build")]
    return found, skipped


def torch_contestant(options, python, found):
    dimensions = {}
    if found["openblas"]:
        dimensions["OpenBLAS core"] = openblas_cores()
        if served.has_avx512():
            dimensions["vectors"] = ["avx512", "avx2"]
    dimensions["mode"] = ["eager", "foreach", "flat"] + (["compile"] if found["compile"] else [])
    dimensions["threads"] = thread_counts(options.threads)

    def command(choice):
        environment = core_environment(choice)
        if "vectors" in choice:
            environment["ATEN_CPU_CAPABILITY"] = choice["vectors"]
        return ([python, "-B", os.path.join(HERE, "torch_steps.py"), str(choice["threads"]),
                 options.data, choice["mode"]], environment)
    return Contestant(f"PyTorch {found['version']}", "torch", dimensions, command)


def jax_contestant(options, python, found):
    def command(choice):
        flags = [os.environ.get("XLA_FLAGS", ""), choice.get("XLA flags", "")]
        return ([python, "-B", os.path.join(HERE, "jax_steps.py"), str(choice["threads"]),
                 options.data, choice["call"], choice["random"]],
                {"XLA_FLAGS": " ".join(f for f in flags if f)})
    dimensions = {"call": ["one", "scan"], "random": ["threefry2x32", "rbg", "unsafe_rbg"]}
    if served.has_avx512():  # XLA stays at 256 bits by itself
        dimensions["XLA flags"] = ["", "--xla_cpu_prefer_vector_width=512"]
    dimensions["threads"] = thread_counts(options.threads)
    return Contestant(f"JAX {found['version']}", "jax", dimensions, command)


def programs(options):
    """Peers in C++ that were built beside burin_steps."""
    folder = os.path.dirname(os.path.abspath(options.burin))
    threads = {"threads": thread_counts(options.threads)}
    vectors = {"vectors": ["avx512", "avx2"]} if served.has_avx512() else {}
    found, skipped = [], []
    for name, program, packages, steps, dimensions in (
            ("libtorch", "libtorch_steps", "libtorch-dev libopenblas-dev", None,
             {"OpenBLAS core": openblas_cores(), **vectors, **threads}),
            ("tiny-dnn", "tiny_dnn_steps", "tiny-dnn libcereal-dev libstb-dev libgemmlowp-dev",
             ["gan"], {"threads": [1]})):
        path = os.path.join(folder, program)
        if options.peer and name not in options.peer:
            continue
        if not os.access(path, os.X_OK):
            skipped.append((name, f"{program} was not built; on Debian or Ubuntu: apt install "
                                  f"{packages}, configure, and build the target {program}"))
            continue

        def command(choice, path=path):
            threads = str(choice["threads"])
            environment = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
            if "vectors" in choice:
                environment["ATEN_CPU_CAPABILITY"] = choice["vectors"]
            return ([path, threads, options.data], {**environment, **core_environment(choice)})
        found.append(Contestant(name, name, dimensions, command, steps))
    return found, skipped


def probe(python):
    try:
        answer = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=300,
                                stdin=subprocess.DEVNULL)
        return json.loads(answer.stdout.strip().splitlines()[-1]), ""
    except (OSError, subprocess.TimeoutExpired) as fault:
        return {}, str(fault)
    except (ValueError, IndexError):
        lines = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
        return {}, lines[-1]


def pythons(options):
    if options.python:
        return options.python
    candidates = [sys.executable, "/usr/bin/python3", SETUP_PYTHON]
    return [p for i, p in enumerate(candidates) if p not in candidates[:i] and os.path.exists(p)]


def peers(options):
    """All that can take part, and (name, why) for those that cannot."""
    found, skipped, seen, missing = [], [], set(), {"torch": [], "jax": []}
    for python in pythons(options):
        modules, fault = probe(python)
        for kind, make in (("torch", torch_contestant), ("jax", jax_contestant)):
            if options.peer and kind not in options.peer:
                continue
            if kind not in modules:
                missing[kind].append(f"{python}: {fault}" if fault else python)
            elif modules[kind]["file"] not in seen:
                seen.add(modules[kind]["file"])
                found.append(make(options, python, modules[kind]))
    for kind, where in missing.items():
        if where and not any(c.kind == kind for c in found):
            skipped.append((kind, f"not in {', '.join(where)}; bench/peers/setup gets it, or give "
                                  "--python FILE"))
    built, not_built = programs(options)
    return found + built, skipped + not_built
