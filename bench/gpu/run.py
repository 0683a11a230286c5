"""What the parts of gpu_report share: the run's settings, running programs, numbers."""

import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Outcome:
    def __init__(self, code, out, err, seconds, limit):
        self.code, self.out, self.err, self.seconds, self.limit = code, out, err, seconds, limit

    def trouble(self):
        """How the program ended, in words; empty if well."""
        if self.code is None:
            return f"stopped after {self.limit} s"
        if self.code == 127 and self.err:
            return self.err.strip().splitlines()[-1]
        if self.code < 0:
            try:
                return f"ended by {signal.Signals(-self.code).name}"
            except ValueError:
                return f"ended by signal {-self.code}"
        return f"exit code {self.code}" if self.code else ""

    def last_lines(self, count=20):
        return "\n".join((self.out + "\n" + self.err).strip().splitlines()[-count:])


def run(command, limit=None, **more):
    """Runs to the end, or for `limit` seconds: a GPU can hang. A program that is missing is exit
    code 127."""
    begin = time.monotonic()
    try:
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, cwd=ROOT,
                                   stderr=subprocess.PIPE, text=True, errors="replace",
                                   start_new_session=True, **more)
    except OSError as fault:
        return Outcome(127, "", f"{command[0]}: {fault.strerror}", 0.0, limit)
    try:
        out, err = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Outcome(code, out, err, time.monotonic() - begin, limit)


class Report:
    """A run of gpu_report: what was asked for, and what went wrong so far."""

    def __init__(self, options, build, scratch):
        self.options, self.build, self.scratch = options, build, scratch
        self.softgpu, self.quick = options.softgpu, options.quick
        self.failures = []

    def fail(self, where, what):
        self.failures.append(f"{where}: {what}")
        self.say(f"  FAILED: {where}: {what}")

    @staticmethod
    def say(text):
        print(text, file=sys.stderr, flush=True)

    def on_gpu(self, program, arguments, limit, softgpu=()):
        """Runs a program of the build on the GPU, or on the software GPU with these options."""
        path = self.build / program
        if not path.exists():
            return Outcome(127, "", f"{path} is missing", 0.0, limit)
        command = [path, *arguments]
        if self.softgpu:
            command = [ROOT / "tools" / "softgpu", *softgpu, "--build", self.build, *command]
        return run(command, limit)


def spread(values):
    """Median, least and greatest."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}
