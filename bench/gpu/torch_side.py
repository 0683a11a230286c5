"""PyTorch's side of gpu_report: the models of bench/peers/torch_steps.py on a GPU.

    torch_side.py THREADS DATA DEVICE MODE PRECISION
    torch_side.py --self-test

DEVICE: cuda, or cpu to try this where there is no GPU. MODE: how a step is run.
  eager    as it is written
  compile  by torch.compile
  graph    captured once in a CUDA graph with its random numbers; a replay a step
PRECISION: fp32; tf32, where PyTorch's matrix products may round to it; bf16, by autocast, which
also keeps activations in bf16 (Burin rounds factors alone).

Standard input: first the settings, one line of JSON as burin_steps prints it; then, a line each, a
number of seconds to train for. Answers each with a line of JSON; {"failure": why} if it cannot.
"""

import contextlib
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
if "--self-test" in sys.argv:
    sys.argv[1:] = ["1", "", "cpu", "self-test", "fp32"]
try:
    import torch_steps  # before torch: it says how many threads
    import torch
    import torch_models
    import torch_updates
except ImportError as fault:
    sys.exit(f"torch_side.py: {fault}")

MODES = ["eager", "compile", "graph"]
WARM_UP = 11  # steps; PyTorch asks for at least 3 on a stream of their own before a capture
QUEUED = 50  # steps between two looks at the clock, as burin_steps


class FlatProxAdam(torch_updates.FlatProxAdam):
    """The flat update, for a GPU: the step is counted on the device, so that a captured update goes
    on counting."""

    def __init__(self, weights, biases, config, penalty):
        super().__init__(weights, biases, config, penalty)
        self.t = torch.zeros((), dtype=torch.float64)

    @torch.no_grad()
    def step(self):
        self.t.add_(1)
        self.update(self.lr / (1 - self.beta1 ** self.t), torch.sqrt(1 - self.beta2 ** self.t))
        for p in self.parameters:
            p.grad = None

    def move(self, d, rate):
        self.values.sub_(self.m.mul(rate).div_(d))


class Trainer:
    """A model, its data on the device, and the way its step is run."""

    def __init__(self, config, images, device, mode, precision):
        self.device, self.batch = device, config["batch"]
        self.images = images.to(device)
        kind = torch_models.Gan if config["model"] == "gan" else torch_models.Vae
        # Not torch.set_default_device: it would slow every call of a step.
        with torch.device(device) if device == "cuda" else contextlib.nullcontext():
            self.model = kind(config, self.images, FlatProxAdam)
        self.order, self.position = self.shuffled(), 0
        self.indices = self.order[:self.batch].clone()
        self.step = self.with_precision(precision, self.model.step)
        if mode == "compile":
            self.step = torch.compile(self.step)
        if mode == "graph":
            self.capture()
        else:
            self.train(WARM_UP)

    def with_precision(self, precision, step):
        if precision == "bf16":
            def rounded(indices):
                # No cache: weights change within a step.
                with torch.autocast(self.device, dtype=torch.bfloat16, cache_enabled=False):
                    return step(indices)
            return rounded
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        return step

    def capture(self):
        """https://pytorch.org/docs/stable/notes/cuda.html#whole-network-capture"""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.step(self.indices)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            losses = self.step(self.indices)

        def replay(indices):
            self.indices.copy_(indices)
            graph.replay()
            return losses
        self.step = replay

    def shuffled(self):
        return torch.randperm(self.images.shape[0], device=self.device)

    def train(self, steps):
        losses = {}
        for _ in range(steps):
            if self.position + self.batch > self.images.shape[0]:
                self.order, self.position = self.shuffled(), 0
            losses = self.step(self.order[self.position:self.position + self.batch])
            self.position += self.batch
        if self.device == "cuda":
            torch.cuda.synchronize()
        return losses

    def state(self, losses):
        zeros = {name: sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)
                 for name, weights in self.model.networks().items()}
        return {"losses": {name: float(loss) for name, loss in losses.items()}, "zeros": zeros}


def say(message):
    print(json.dumps(message), flush=True)


def main():
    _, threads, data, device, mode, precision = sys.argv
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    config = json.loads(sys.stdin.readline())["config"]
    try:
        images = torch_steps.load_images(data)
        # What PyTorch and its compiler print must not come between the answers.
        with contextlib.redirect_stdout(sys.stderr):
            trainer = Trainer(config, images, device, mode, precision)
    except Exception as fault:  # a mode that does not work here is told, and the others go on
        say({"failure": f"{type(fault).__name__}: {str(fault).strip().splitlines()[0]}"
             if str(fault).strip() else type(fault).__name__})
        return 1
    where = torch.cuda.get_device_name() if device == "cuda" else "the CPU"
    say({"version": f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, on {where}"})
    for line in sys.stdin:
        seconds, steps = float(line), 0
        begin = now = time.perf_counter()
        while now - begin < seconds:
            losses = trainer.train(QUEUED if device == "cuda" else 1)
            steps += QUEUED if device == "cuda" else 1
            now = time.perf_counter()
        say({"steps": steps, "seconds": now - begin, **trainer.state(losses)})
    return 0


def self_test():
    """FlatProxAdam makes the weights that ProxAdam makes."""
    worst, zeros = torch_updates.same_weights([torch_updates.ProxAdam, FlatProxAdam])
    # Rounding alone tells them apart: hundreds of units of a number near 1 after 200 steps.
    passed = worst < 1e-4 and zeros[0] == zeros[1]
    print(f"{'passed' if passed else 'FAILED'}: greatest difference {worst:.2g}, zeros {zeros}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[4] == "self-test" else main())
