"""The networks and steps of the comparisons in PyTorch, eager or by torch.compile."""

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


class Gan:
    """`update`: a class of torch_updates. `compiled`: torch.compile, or nothing, for the parts of a
    step between two backward passes."""

    def __init__(self, config, images, update, compiled=lambda function: function):
        self.config, self.images = config, images
        pixels = images.shape[1]
        hidden = config["activation"]
        self.g = Mlp([config["latent"], *config["generator_hidden"], pixels], config, hidden,
                     config["generator_output"])
        self.d = Mlp([pixels, *config["discriminator_hidden"], 1], config, hidden, "none")
        self.d.rate = config["dropout"]
        self.g_update = update(self.g.weights, self.g.biases, config, config["l1_generator"])
        self.d_update = update(self.d.weights, self.d.biases, config, config["l1_discriminator"])
        self.averaged = [getattr(self.g_update, "values", None)]
        if self.averaged[0] is None:
            self.averaged = [p.detach() for p in self.g.parameters()]
        self.average = [p.clone() for p in self.averaged]
        batch = config["batch"]
        self.d_targets = torch.zeros(2 * batch, 1)
        self.d_targets[:batch] = config["real_label"]
        self.g_targets = torch.ones(batch, 1)
        self.both = torch.empty(2 * batch, pixels)
        self.bytes = torch.empty(batch, pixels, dtype=torch.uint8)
        self.range = 2.0 if config["generator_output"] == "tanh" else 1.0
        self.fakes, self.d_loss = compiled(self.fakes), compiled(self.d_loss)
        self.g_loss, self.pictures = compiled(self.g_loss), compiled(self.pictures)

    def noise(self):
        return torch.randn(self.config["batch"], self.config["latent"], device=self.both.device)

    def fakes(self, z):
        return self.g(z)

    def d_loss(self, both):
        # Mean over 2B, so twice: the sum of two means over B.
        return 2 * F.binary_cross_entropy_with_logits(self.d(both), self.d_targets)

    def g_loss(self, z):
        return F.binary_cross_entropy_with_logits(self.d(self.g(z)), self.g_targets)

    def step(self, indices):
        batch = self.config["batch"]
        # The discriminator's turn: real and fake images as one batch.
        with torch.no_grad():
            torch.index_select(self.images, 0, indices, out=self.bytes)
            torch.mul(self.bytes, self.range / 255.0, out=self.both[:batch])
            if self.range == 2.0:
                self.both[:batch].sub_(1.0)
            self.both[batch:] = self.fakes(self.noise())
        d_loss = self.d_loss(self.both)
        d_loss.backward()
        self.d_update.step()
        # The generator's turn, through a frozen discriminator.
        self.d.trainable(False)
        g_loss = self.g_loss(self.noise())
        g_loss.backward()
        self.d.trainable(True)
        self.g_update.step()
        if self.config["ema"] > 0:
            with torch.no_grad():
                torch._foreach_mul_(self.average, self.config["ema"])
                torch._foreach_add_(self.average, self.averaged, alpha=1 - self.config["ema"])
        return {"discriminator": d_loss.detach(), "generator": g_loss.detach()}

    def pictures(self, z):
        images = self.g(z)
        if self.range == 2.0:
            images = images.add(1.0).mul(0.5)
        return images.clamp(0.0, 1.0).mul(255.0).add(0.5).to(torch.uint8)

    def sample(self):
        with torch.no_grad():
            return self.pictures(self.noise())

    def networks(self):
        return {"generator": self.g.weights, "discriminator": self.d.weights}


class Vae:
    def __init__(self, config, images, update, compiled=lambda function: function):
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
        self.updates = [
            update(self.encoder.weights + self.heads.weights,
                   self.encoder.biases + self.heads.biases, config, config["l1_encoder"]),
            update(self.decoder.weights, self.decoder.biases, config, config["l1_decoder"])]
        self.binarize = config["pixels"] == "binarize"
        self.loss = compiled(self.loss)

    def pixels(self, images):
        """A byte is the probability of a 1. Compared in place: on a CPU a tensor of bool and its
        conversion take six times as long."""
        x = images.float().mul_(1.0 / 255.0)
        return torch.rand_like(x).lt_(x) if self.binarize else x

    def loss(self, x, noise):
        batch, latent = x.shape[0], self.config["latent"]
        mean, log_variance = self.heads(self.encoder(x)).split(latent, dim=1)
        z = torch.addcmul(mean, torch.exp(0.5 * log_variance), noise)
        logits = self.decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / batch
        kl = (-0.5 / batch) * (1 + log_variance - mean * mean - log_variance.exp()).sum()
        return reconstruction, kl

    def noise(self, x):
        return torch.randn(x.shape[0], self.config["latent"], device=x.device)

    def step(self, indices):
        with torch.no_grad():
            x = self.pixels(self.images.index_select(0, indices))  # as [indices], and faster
        reconstruction, kl = self.loss(x, self.noise(x))
        (reconstruction + kl).backward()
        for update in self.updates:
            update.step()
        return {"reconstruction": reconstruction.detach(), "kl": kl.detach()}

    def evaluate(self, first):
        """Mean ELBO of a batch, one sample an image."""
        with torch.no_grad():
            x = self.pixels(self.images[first:first + self.config["batch"]])
            reconstruction, kl = self.loss(x, self.noise(x))
        return -float(reconstruction + kl)

    def networks(self):
        return {"encoder": self.encoder.weights + self.heads.weights,
                "decoder": self.decoder.weights}
