"""One side of a comparison: a process that trains on request and sleeps in between."""

import json
import os
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_BURIN = os.path.join(ROOT, "build", "cpu-release", "bench", "burin_steps")
DEFAULT_DATA = os.path.join(ROOT, "data", "mnist")


class Failure(Exception):
    pass


class Side:
    """An answer that takes more than `limit` seconds is a Failure; `errors` takes what the process
    writes to its error stream; `environment` is added to this process's."""

    def __init__(self, name, command, settings=None, limit=None, errors=None, environment=None):
        self.name, self.limit = name, limit
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=errors, text=True,
                                        env={**os.environ, **(environment or {})})
        if settings is not None:
            self._write(json.dumps(settings))
        self.hello = self._read()

    def _write(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # _read says so

    def _read(self):
        watch = threading.Timer(self.limit, self.process.kill) if self.limit else None
        if watch:
            watch.start()
        line = self.process.stdout.readline()
        if watch:
            watch.cancel()
        if not line:
            raise Failure(f"{self.name} stopped with exit code {self.process.wait()}")
        return json.loads(line)

    def first_step(self):
        """Seconds from the start of the process to the end of the first step; call it first."""
        self.train(1e-9)
        return time.perf_counter() - self.begun

    def train(self, seconds):
        self._write(repr(seconds))
        return self._read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def burin_side(burin, step, threads, mode, data, name="burin"):
    if not os.access(burin, os.X_OK):
        raise Failure(f"{burin} is missing; build it: cmake --preset cpu-release && "
                      "cmake --build --preset cpu-release --target burin_steps")
    return Side(name, [burin, step, str(threads), mode, data])


def load():
    """Processes that run or wait to run, and processors, for the record."""
    return {"load_average": list(os.getloadavg()), "processors": len(os.sched_getaffinity(0))}
