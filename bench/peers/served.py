"""What the sides that are written in Python have in common: threads, images, and the protocol of
side.py. Imports nothing big: a side calls prepare() before it loads its library."""

import contextlib
import gzip
import json
import os
import sys
import time


def processor_flags():
    with open("/proc/cpuinfo") as cpuinfo:
        return set(next((line.split() for line in cpuinfo if line.startswith("flags")), []))


def has_avx512():
    return {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= processor_flags()


def prepare(threads):
    """Before a library with a pool of threads is loaded."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    # Debian's PyTorch stops at AVX2 for its element-wise kernels unless told; it does not check
    # that the processor has what it is told.
    if has_avx512():
        os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")


def load_images(directory, split="train"):
    """[count, pixels], bytes. Read into place, so that the peak of memory is not that of reading."""
    import numpy
    path = os.path.join(directory, {"train": "train", "test": "t10k"}[split] + "-images-idx3-ubyte")
    stream = gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb")
    with contextlib.closing(stream):
        header = stream.read(16)
        count, rows, cols = (int.from_bytes(header[i:i + 4], "big") for i in (4, 8, 12))
        images = numpy.empty((count, rows * cols), numpy.uint8)
        stream.readinto(memoryview(images).cast("B"))
    return images


def images_of(hello, directory):
    """What the work of the settings is done on."""
    return load_images(directory, "test" if hello["work"] == "evaluate" else "train")


class Order:
    """Batches of an order that is shuffled every epoch; the rest that fills no batch is left."""

    def __init__(self, count, batch, shuffled):
        self.count, self.batch, self.shuffled = count, batch, shuffled
        self.order, self.position = shuffled(count), 0

    def next(self):
        if self.position + self.batch > self.count:
            self.order, self.position = self.shuffled(self.count), 0
        self.position += self.batch
        return self.order[self.position - self.batch:self.position]


def peak_resident_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def blas_in_use():
    """The file that matrix products come from: a library's speed hangs on it."""
    with open("/proc/self/maps") as maps:
        files = {os.path.realpath(line.split()[-1]) for line in maps if "blas" in line}
    files = {f for f in files if "cublas" not in f}
    return ", ".join(sorted(os.path.basename(f) for f in files)) or "BLAS built in"


def openblas_core():
    """The processor that OpenBLAS has taken kernels for, or "" without OpenBLAS."""
    import ctypes
    with open("/proc/self/maps") as maps:
        for path in {line.split()[-1] for line in maps if "openblas" in line}:
            try:
                name = ctypes.CDLL(path).openblas_get_corename
            except (OSError, AttributeError):
                continue
            name.restype = ctypes.c_char_p
            return name().decode()
    return ""


def settings():
    """The first line that burin_steps printed."""
    return json.loads(sys.stdin.readline())


def serve(hello, work, report):
    """work() does some steps and returns how many; report() adds to an answer."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not come between the answers

    def say(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    say(hello)
    for line in sys.stdin:
        seconds, steps = float(line), 0
        begin, processor_begin = time.perf_counter(), time.process_time()
        now = begin
        while now - begin < seconds:
            steps += work()
            now = time.perf_counter()
        say({"steps": steps, "seconds": now - begin,
             "processor_seconds": time.process_time() - processor_begin,
             "peak_kib": peak_resident_kib(), **report()})
