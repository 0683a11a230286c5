"""PyTorch's side of peers/run: the steps that bench/peers/steps.h names, in eager mode.

    torch_steps.py THREADS DATA

Standard input: first the settings, one line of JSON as burin_steps prints it; then, a line each, a
number of seconds to train for. Answers each with a line of JSON, as burin_steps does.
"""

import contextlib
import gzip
import json
import math
import os
import sys
import time

# Before torch is loaded. Debian's build stops at AVX2 for its element-wise kernels unless told; it
# does not check that the processor has what it is told.
with open("/proc/cpuinfo") as cpuinfo:
    FLAGS = next((line.split() for line in cpuinfo if line.startswith("flags")), [])
if {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= set(FLAGS):
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = sys.argv[1]

import torch
from torch.nn import functional as F


class Mlp:
    """Dense layers; weights and biases are leaves, initialised as Burin's."""

    def __init__(self, sizes, config, hidden, output):
        self.hidden, self.output = activation(hidden, config), activation(output, config)
        self.rate = 0.0
        self.weights, self.biases = [], []
        for fan_in, fan_out in zip(sizes, sizes[1:]):
            weight = torch.empty(fan_out, fan_in)
            if config["init"] == "he":
                slope = config["slope"] if config["activation"] == "leaky_relu" else 1.0
                torch.nn.init.kaiming_normal_(weight, slope)
            else:
                torch.nn.init.xavier_uniform_(weight)
            self.weights.append(weight.requires_grad_())
            self.biases.append(torch.zeros(fan_out, requires_grad=True))

    def __call__(self, x):
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = F.linear(x, weight, bias)
            if i < last:
                x = self.hidden(x)
                if self.rate > 0:
                    x = F.dropout(x, self.rate)
        return self.output(x)

    def parameters(self):
        return self.weights + self.biases

    def trainable(self, on):
        for parameter in self.parameters():
            parameter.requires_grad_(on)


def activation(name, config):
    slope = config.get("slope", 0.2)
    return {"leaky_relu": lambda x: F.leaky_relu(x, slope), "tanh": torch.tanh,
            "sigmoid": torch.sigmoid, "none": lambda x: x}[name]


class ProxAdam:
    """Adam, then the proximal step in its metric for weights: threshold lr lambda / D with
    D = sqrt(v_hat) + epsilon. Written for speed: D is computed once, and w - clamp(w, -t, t) is
    the soft threshold in two operations."""

    def __init__(self, weights, biases, config, penalty):
        self.items = [(p, torch.zeros_like(p), torch.zeros_like(p), penalty) for p in weights]
        self.items += [(p, torch.zeros_like(p), torch.zeros_like(p), 0.0) for p in biases]
        self.lr, self.epsilon = config["lr"], config["epsilon"]
        self.beta1, self.beta2 = config["beta1"], config["beta2"]
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        rate = self.lr / (1 - self.beta1 ** self.t)
        root = math.sqrt(1 - self.beta2 ** self.t)
        for p, m, v, penalty in self.items:
            g = p.grad
            m.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
            v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            d = v.sqrt().div_(root).add_(self.epsilon)
            p.addcdiv_(m, d, value=-rate)
            if penalty > 0:
                threshold = d.reciprocal_().mul_(self.lr * penalty)
                p.sub_(torch.clamp(p, -threshold, threshold))
            p.grad = None


class Gan:
    def __init__(self, config, images):
        self.config, self.images = config, images
        pixels = images.shape[1]
        hidden = config["activation"]
        self.g = Mlp([config["latent"], *config["generator_hidden"], pixels], config, hidden,
                     config["generator_output"])
        self.d = Mlp([pixels, *config["discriminator_hidden"], 1], config, hidden, "none")
        self.d.rate = config["dropout"]
        self.average = [p.detach().clone() for p in self.g.parameters()]
        self.g_optimizer = ProxAdam(self.g.weights, self.g.biases, config, config["l1_generator"])
        self.d_optimizer = ProxAdam(self.d.weights, self.d.biases, config,
                                    config["l1_discriminator"])
        batch = config["batch"]
        self.d_targets = torch.zeros(2 * batch, 1)
        self.d_targets[:batch] = config["real_label"]
        self.g_targets = torch.ones(batch, 1)
        self.both = torch.empty(2 * batch, pixels)
        self.range = 2.0 if config["generator_output"] == "tanh" else 1.0

    def step(self, indices):
        batch, latent = self.config["batch"], self.config["latent"]
        # The discriminator's turn: real and fake images as one batch.
        with torch.no_grad():
            torch.mul(self.images[indices], self.range / 255.0, out=self.both[:batch])
            if self.range == 2.0:
                self.both[:batch].sub_(1.0)
            self.both[batch:] = self.g(torch.randn(batch, latent, device=self.both.device))
        # Mean over 2B, so twice: the sum of two means over B.
        d_loss = 2 * F.binary_cross_entropy_with_logits(self.d(self.both), self.d_targets)
        d_loss.backward()
        self.d_optimizer.step()
        # The generator's turn, through a frozen discriminator.
        self.d.trainable(False)
        logits = self.d(self.g(torch.randn(batch, latent, device=self.both.device)))
        g_loss = F.binary_cross_entropy_with_logits(logits, self.g_targets)
        g_loss.backward()
        self.d.trainable(True)
        self.g_optimizer.step()
        if self.config["ema"] > 0:
            with torch.no_grad():
                torch._foreach_mul_(self.average, self.config["ema"])
                torch._foreach_add_(self.average, [p.detach() for p in self.g.parameters()],
                                    alpha=1 - self.config["ema"])
        return {"discriminator": d_loss.detach(), "generator": g_loss.detach()}

    def networks(self):
        return {"generator": self.g.weights, "discriminator": self.d.weights}


class Vae:
    def __init__(self, config, images):
        self.config, self.images = config, images
        pixels, latent, hidden = images.shape[1], config["latent"], config["activation"]
        sizes = [pixels, *config["encoder_hidden"]]
        self.encoder = Mlp(sizes, config, hidden, hidden)
        # Mean and log-variance by one layer of twice the size: faster here than two layers.
        self.heads = Mlp([sizes[-1], 2 * latent], config, hidden, "none")
        self.decoder = Mlp([latent, *config["decoder_hidden"], pixels], config, hidden, "none")
        if config["output_bias"] == "data":
            total = sum(part.float().sum(0) for part in images.split(1000))
            mean = (total / (255.0 * len(images))).clamp_(0.001, 0.999)
            with torch.no_grad():
                self.decoder.biases[-1].copy_(torch.logit(mean))
        self.optimizers = [
            ProxAdam(self.encoder.weights + self.heads.weights,
                     self.encoder.biases + self.heads.biases, config, config["l1_encoder"]),
            ProxAdam(self.decoder.weights, self.decoder.biases, config, config["l1_decoder"])]
        self.binarize = config["pixels"] == "binarize"

    def step(self, indices):
        batch, latent = self.config["batch"], self.config["latent"]
        with torch.no_grad():
            x = self.images[indices] / 255.0
            if self.binarize:
                x = torch.lt(torch.rand_like(x), x).float()
        mean, log_variance = self.heads(self.encoder(x)).split(latent, dim=1)
        noise = torch.randn(batch, latent, device=x.device)
        z = torch.addcmul(mean, torch.exp(0.5 * log_variance), noise)
        logits = self.decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / batch
        kl = (-0.5 / batch) * (1 + log_variance - mean * mean - log_variance.exp()).sum()
        (reconstruction + kl).backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return {"reconstruction": reconstruction.detach(), "kl": kl.detach()}

    def networks(self):
        return {"encoder": self.encoder.weights + self.heads.weights,
                "decoder": self.decoder.weights}


def load_images(directory):
    path = os.path.join(directory, "train-images-idx3-ubyte")
    stream = gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb")
    with contextlib.closing(stream):
        header = stream.read(16)
        count, rows, cols = (int.from_bytes(header[i:i + 4], "big") for i in (4, 8, 12))
        images = torch.empty(count, rows * cols, dtype=torch.uint8)
        stream.readinto(memoryview(images.numpy()).cast("B"))
    return images


def peak_resident_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def blas_in_use():
    """The file that PyTorch's matrix products come from: its speed hangs on it."""
    with open("/proc/self/maps") as maps:
        files = {os.path.realpath(line.split()[-1]) for line in maps if "blas" in line}
    return ", ".join(sorted(os.path.basename(f) for f in files)) or "built in"


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(1)
    config = json.loads(sys.stdin.readline())["config"]
    images = load_images(sys.argv[2])
    model = (Gan if config["model"] == "gan" else Vae)(config, images)
    batch, count = config["batch"], images.shape[0]
    print(json.dumps({"version": f"PyTorch {torch.__version__}, {blas_in_use()}"}), flush=True)

    order, position = torch.randperm(count), 0
    for line in sys.stdin:
        seconds, steps, losses = float(line), 0, {}
        begin, processor_begin = time.perf_counter(), time.process_time()
        now = begin
        while now - begin < seconds:
            if position + batch > count:
                order, position = torch.randperm(count), 0
            losses = model.step(order[position:position + batch])
            position += batch
            steps += 1
            now = time.perf_counter()
        zeros = {name: sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)
                 for name, weights in model.networks().items()}
        print(json.dumps({"steps": steps, "seconds": now - begin,
                          "processor_seconds": time.process_time() - processor_begin,
                          "peak_kib": peak_resident_kib(),
                          "losses": {name: float(loss) for name, loss in losses.items()},
                          "zeros": zeros}), flush=True)


if __name__ == "__main__":
    main()
