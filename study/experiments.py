"""Experiments of the study: what is run, and the figures of each run.

An experiment is study/experiments/NAME.json:
  title      one line
  varied     what differs between its variants: heading of the table's first column
  variants   by label, the arguments of `burin`: "sweep ..." or "train ...", without directory, seed and threads; in
             those of "train" {LABEL} is the directory of an earlier variant's run with the same seed
  seeds      of "train": seeds 1 to seeds, a run each; or 1, and a command may have a --seed of its own (of "sweep" its
             own --seeds counts)
  evaluate   optional: arguments of `burin evaluate` of every run
  compact    optional: arguments of `burin compact` of every run
  columns    of the table: {"heading", "figure", "format"}; report.py
  picture    optional: {"x", "y"}, each {"figure", "label", "percent": whether it is a share}

A run's figures are flat, names joined by dots: of a sweep's cell what its table has (elbo_test, zeros, ...), then
zeros_by_network.NETWORK; of a training minutes, losses.* and zeros_by_network.NETWORK; evaluate.* and compact.* as
those commands' --json gives them (docs/formats.md), and of those evaluate.digits.least and .most, the smallest and
the largest share of a digit, and compact.bytes.ratio, dense over compact.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import threading


PLACE = r"\{([^{}]*)\}"  # {LABEL}, in a command


class Problem(Exception):
    """One line for the user."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What is run in one piece: a whole sweep, or one training."""
    experiment: str
    variant: str
    command: tuple       # of burin, without directory and threads
    seed: int            # of a training; 0: a sweep
    evaluate: tuple
    compact: tuple

    @property
    def key(self):
        return self.variant, self.seed

    @property
    def needs(self):
        """Keys of the jobs whose runs the command names."""
        return [(label, self.seed) for word in self.command for label in re.findall(PLACE, word)]

    def directory(self, base):
        return self.place(base, self.variant)

    def place(self, base, variant):
        label = "".join(c if c.isalnum() or c in ".-" else "-" for c in variant) or "all"
        return base / self.experiment / (f"{label}-seed{self.seed}" if self.seed else label)

    def arguments(self, base):
        """The command with directories in place of labels."""
        return [re.sub(PLACE, lambda m: str(self.place(base, m[1])), word) for word in self.command]


class Experiment:
    KEYS = {"title", "varied", "variants", "seeds", "evaluate", "compact", "columns", "picture"}
    NEEDED = {"title", "variants", "columns"}

    def __init__(self, study, path):
        self.name = path.stem
        self.file = study / "results" / path.name
        try:
            spec = json.loads(path.read_text())
        except ValueError as fault:
            raise Problem(f"{path}: {fault}") from None
        if not isinstance(spec, dict):
            raise Problem(f"{path}: expected an object")
        for key in set(spec) - self.KEYS:
            raise Problem(f"{path}: unknown key '{key}', expected {', '.join(sorted(self.KEYS))}")
        for key in self.NEEDED - set(spec):
            raise Problem(f"{path}: no '{key}'")
        self.spec = spec
        self.title = spec["title"]
        for label, command in spec["variants"].items():
            if command.split()[:1] not in (["sweep"], ["train"]):
                raise Problem(f"{path}: variant '{label}': expected sweep or train, found '{command}'")
            if "--seed" in command.split() and spec.get("seeds", 1) > 1:
                raise Problem(f"{path}: variant '{label}': --seed, and seeds is {spec['seeds']}: expected one of them")
        for column in spec["columns"]:
            if not {"heading", "figure"} <= set(column):
                raise Problem(f"{path}: columns: expected a heading and a figure, found {column}")
        earlier = set()
        for job in self.jobs():
            for label, seed in job.needs:
                if (label, seed) not in earlier or not seed:
                    raise Problem(f"{path}: variant '{job.variant}': {{{label}}}: expected an earlier variant of train, "
                                  "and this one too")
            earlier.add(job.key)
        places = [job.directory(pathlib.Path()) for job in self.jobs()]
        if len(set(places)) < len(places):
            raise Problem(f"{path}: variants: names that differ in more than signs expected, found {list(spec['variants'])}")

    def jobs(self):
        words = {key: tuple(shlex.split(self.spec[key])) if key in self.spec else None for key in ("evaluate", "compact")}
        found = []
        for label, command in self.spec["variants"].items():
            command = tuple(shlex.split(command))
            seeds = [0] if command[0] == "sweep" else range(1, self.spec.get("seeds", 1) + 1)
            found += [Job(self.name, label, command, seed, words["evaluate"], words["compact"]) for seed in seeds]
        return found

    def digest(self):
        """Of what decides the runs: results of another are not this experiment's."""
        decides = {key: self.spec.get(key) for key in ("variants", "seeds", "evaluate", "compact")}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]

    def store(self, rows, version):
        lines = ",\n".join(json.dumps(row, sort_keys=True) for row in rows)
        head = json.dumps({"digest": self.digest(), "version": version}, sort_keys=True)
        self.file.parent.mkdir(exist_ok=True)
        written = self.file.with_suffix(".tmp")
        written.write_text(f'{head[:-1]}, "runs": [\n{lines}\n]}}\n')
        os.replace(written, self.file)

    def results(self):
        """Rows of the stored results; none if there are none, or if they are of other commands."""
        try:
            stored = json.loads(self.file.read_text())
        except FileNotFoundError:
            return []
        except ValueError as fault:
            raise Problem(f"{self.file}: {fault}") from None
        if not isinstance(stored, dict) or not isinstance(stored.get("runs"), list):
            raise Problem(f"{self.file}: expected an object with runs")
        return stored["runs"] if stored.get("digest") == self.digest() else []


def load(study):
    return [Experiment(study, path) for path in sorted((study / "experiments").glob("*.json"))]


def choose(experiments, names):
    known = {experiment.name: experiment for experiment in experiments}
    for name in names or []:
        if name not in known:
            raise Problem(f"--only {name}: no such experiment; there are {', '.join(known)}")
    return [known[name] for name in names] if names else experiments


def flat(value, prefix=""):
    """{"a": {"b": 1}} -> {"a.b": 1}; numbers alone, and of lists of numbers each by its place."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    else:
        usual = isinstance(value, (int, float)) and not isinstance(value, bool)
        return {prefix: value} if usual else {}
    found = {}
    for key, part in pairs:
        found |= flat(part, f"{prefix}.{key}" if prefix else str(key))
    return found


def command_file(run):
    """Beside a run: its command, and after it those of the runs that it begins with."""
    return run.with_name(run.name + ".command.json")


class Runner:
    """Calls burin. Thread-safe."""

    def __init__(self, root, burin, base, tell):
        if not os.access(burin, os.X_OK):
            raise Problem(f"{burin}: no such program; build it by cmake --build --preset cpu-release --target burin")
        self.root, self.burin, self.base, self.tell = root, pathlib.Path(burin).resolve(), base.resolve(), tell
        self.running, self.lock, self.stopped = set(), threading.Lock(), False

    def version(self):
        info = self.call(["info", "--json"])
        return {key: info[key] for key in ("version", "compiler", "instruction_set")}

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.terminate()

    def call(self, arguments):
        """The last JSON line that burin writes."""
        with self.lock:
            if self.stopped:
                raise Problem("stopped")
            process = subprocess.Popen([self.burin, *map(str, arguments)], cwd=self.root, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.running.add(process)
        out, err = process.communicate()
        with self.lock:
            self.running.discard(process)
        if process.returncode != 0:
            last = (err.strip() or out.strip() or "no output").splitlines()[-1]
            raise Problem(f"burin {shlex.join(map(str, arguments))}: {last} (exit {process.returncode})")
        return json.loads(out.strip().splitlines()[-1])

    def once(self, path, arguments):
        """What `burin arguments` says, kept in a file with the arguments that it belongs to."""
        words = list(map(str, arguments))
        try:
            kept = json.loads(path.read_text())
            if kept["arguments"] == words:
                return kept["said"]
        except (FileNotFoundError, ValueError, KeyError):
            pass
        said = self.call([*words, "--json"])
        self.keep(path, words, said)
        return said

    @staticmethod
    def keep(path, words, said):
        written = path.with_suffix(".tmp")
        written.write_text(json.dumps({"arguments": words, "said": said}))
        os.replace(written, path)

    def run(self, job):
        directory = job.directory(self.base)
        directory.parent.mkdir(parents=True, exist_ok=True)
        self.tell(f"{job.experiment}: {job.variant or 'sweep'}{f', seed {job.seed}' if job.seed else ''}")
        return self.sweep(job, directory) if job.command[0] == "sweep" else self.train(job, directory)

    def sweep(self, job, directory):
        self.call([*job.command, "--threads", 1, "--no-picture", "--dir", directory, "--json"])
        table = json.loads((directory / "table.json").read_text())
        rows = []
        for cell in table["cells"]:
            here = directory / "cells" / cell["cell"]
            score = json.loads((here / "score.json").read_text())
            figures = flat({key: value for key, value in cell.items() if key not in ("cell", "penalty", "seed", "fold")})
            figures |= flat(score.get("zeros_by_network", {}), "zeros_by_network")
            if not score["diverged"]:
                figures |= self.after(job, here)
            rows.append({"variant": job.variant, "penalty": cell["penalty"], "lambda": cell["lambda"],
                         "seed": cell["seed"], "diverged": bool(score["diverged"]), "figures": figures})
        return rows

    def train(self, job, directory):
        """A run of another command in the same place, or begun with a run of another, is made anew, and with it what
        was measured of it."""
        kept = {name: directory / f"{name}.json" for name in ("trained", "evaluated", "compacted")}
        begun = command_file(directory)
        seed = [] if "--seed" in job.command else ["--seed", str(job.seed)]
        command = [*job.arguments(self.base), *seed, "--threads", "1"]
        needed = [json.loads(command_file(job.place(self.base, label)).read_text()) for label, _ in job.needs]
        same = begun.exists() and json.loads(begun.read_text()) == command + needed
        if not (same and kept["trained"].exists()):
            for file in kept.values():
                file.unlink(missing_ok=True)
            begun.write_text(json.dumps(command + needed))
            if same and (directory / "checkpoint.safetensors").exists():  # with the settings that it has
                arguments = [*command[:2], "--threads", "1", "--resume"]
            else:
                arguments = [*command, *(["--overwrite"] if directory.exists() else [])]
            said = self.call([*arguments, "--out", directory, "--json"])
            self.keep(kept["trained"], command, said)
        said = json.loads(kept["trained"].read_text())["said"]
        figures = flat(said.get("losses", {}), "losses") | flat(said.get("zeros", {}), "zeros_by_network")
        figures |= {"minutes": said["seconds"] / 60} | self.after(job, directory)
        return [{"variant": job.variant, "seed": job.seed, "diverged": False, "figures": figures}]

    def after(self, job, directory):
        figures = {}
        if job.evaluate is not None:
            said = self.once(directory / "evaluated.json", ["evaluate", directory, *job.evaluate])
            figures |= flat(said, "evaluate")
            if "digits" in said:
                shares = said["digits"]["histogram"]
                figures |= {"evaluate.digits.least": min(shares), "evaluate.digits.most": max(shares)}
        if job.compact is not None:
            said = self.once(directory / "compacted.json",
                             ["compact", directory, "--overwrite", "--threads", 1, *job.compact])
            figures |= flat(said, "compact")
            if "bytes" in said:
                figures["compact.bytes.ratio"] = said["bytes"]["dense"] / said["bytes"]["compact"]
        return figures
