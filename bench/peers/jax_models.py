"""The networks and steps of the comparisons in JAX: functions from a state to the next."""

import math

import jax
import jax.numpy as jnp


def activation(name, config):
    slope = config.get("slope", 0.2)
    return {"leaky_relu": lambda x: jnp.where(x >= 0, x, slope * x), "tanh": jnp.tanh,
            "sigmoid": jax.nn.sigmoid, "none": lambda x: x}[name]


def initial(key, sizes, config):
    """Weights and biases of dense layers, as Burin's."""
    layers = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        key, drawn = jax.random.split(key)
        if config["init"] == "he":
            slope = config["slope"] if config["activation"] == "leaky_relu" else 1.0
            deviation = math.sqrt(2.0 / ((1.0 + slope * slope) * fan_in))
            weight = deviation * jax.random.normal(drawn, (fan_in, fan_out))
        else:
            limit = math.sqrt(6.0 / (fan_in + fan_out))
            weight = jax.random.uniform(drawn, (fan_in, fan_out), minval=-limit, maxval=limit)
        layers.append({"w": weight, "b": jnp.zeros(fan_out)})
    return layers


def dense(layers, x, hidden, output, rate=0.0, key=None):
    for i, layer in enumerate(layers):
        x = x @ layer["w"] + layer["b"]
        if i + 1 < len(layers):
            x = hidden(x)
            if rate > 0:
                key, drawn = jax.random.split(key)
                kept = jax.random.bernoulli(drawn, 1.0 - rate, x.shape)
                x = jnp.where(kept, x / (1.0 - rate), 0.0)
    return output(x)


def cross_entropy(logits, targets):
    """With logits, element by element."""
    return jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def update_state(parameters):
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return {"m": zeros, "v": jax.tree.map(jnp.copy, zeros), "t": jnp.zeros((), jnp.float32)}


def prox_adam(parameters, state, gradients, config, penalty):
    """Adam, then for weights the soft threshold lr lambda / (sqrt(v_hat) + epsilon)."""
    beta1, beta2, lr, epsilon = (config[k] for k in ("beta1", "beta2", "lr", "epsilon"))
    t = state["t"] + 1
    rate, root = lr / (1 - beta1 ** t), jnp.sqrt(1 - beta2 ** t)
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state["m"], gradients)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["v"], gradients)

    def moved(path, p, m, v):
        d = jnp.sqrt(v) / root + epsilon
        p = p - rate * m / d
        if penalty > 0 and path[-1].key == "w":
            threshold = lr * penalty / d
            p = p - jnp.clip(p, -threshold, threshold)
        return p

    return (jax.tree_util.tree_map_with_path(moved, parameters, m, v),
            {"m": m, "v": v, "t": t})


class Gan:
    def __init__(self, config, pixels):
        self.config, self.pixels = config, pixels
        self.hidden = activation(config["activation"], config)
        self.output = activation(config["generator_output"], config)
        self.range = 2.0 if config["generator_output"] == "tanh" else 1.0

    def initial_state(self, key, images):
        config = self.config
        key, one, two = jax.random.split(key, 3)
        g = initial(one, [config["latent"], *config["generator_hidden"], self.pixels], config)
        d = initial(two, [self.pixels, *config["discriminator_hidden"], 1], config)
        state = {"key": key, "g": g, "d": d, "g_update": update_state(g),
                 "d_update": update_state(d)}
        if config["ema"] > 0:
            state["average"] = jax.tree.map(jnp.copy, g)
        return state

    def generate(self, g, z):
        return dense(g, z, self.hidden, self.output)

    def judge(self, d, x, key):
        return dense(d, x, self.hidden, lambda x: x, self.config["dropout"], key)

    def step(self, state, images, indices):
        config, batch = self.config, self.config["batch"]
        key, z_d, z_g, drop_d, drop_g = jax.random.split(state["key"], 5)
        shape = (batch, config["latent"])
        real = images[indices] * (self.range / 255.0) + (1.0 - self.range)
        fake = self.generate(state["g"], jax.random.normal(z_d, shape))
        targets = jnp.concatenate([jnp.full((batch, 1), config["real_label"]),
                                   jnp.zeros((batch, 1))])

        def d_loss(d):
            logits = self.judge(d, jnp.concatenate([real, fake]), drop_d)
            return 2 * cross_entropy(logits, targets).mean()

        d_value, gradient = jax.value_and_grad(d_loss)(state["d"])
        d, d_update = prox_adam(state["d"], state["d_update"], gradient, config,
                                config["l1_discriminator"])

        def g_loss(g):
            logits = self.judge(d, self.generate(g, jax.random.normal(z_g, shape)), drop_g)
            return cross_entropy(logits, 1.0).mean()

        g_value, gradient = jax.value_and_grad(g_loss)(state["g"])
        g, g_update = prox_adam(state["g"], state["g_update"], gradient, config,
                                config["l1_generator"])
        state = {**state, "key": key, "g": g, "d": d, "g_update": g_update, "d_update": d_update}
        if config["ema"] > 0:
            state["average"] = jax.tree.map(
                lambda a, p: config["ema"] * a + (1 - config["ema"]) * p, state["average"], g)
        return state, {"discriminator": d_value, "generator": g_value}

    def sample(self, state):
        key, drawn = jax.random.split(state["key"])
        z = jax.random.normal(drawn, (self.config["batch"], self.config["latent"]))
        pictures = (self.generate(state["g"], z) - (1.0 - self.range)) / self.range
        pictures = (jnp.clip(pictures, 0, 1) * 255.0 + 0.5).astype(jnp.uint8)
        return {**state, "key": key}, pictures

    def networks(self, state):
        return {"generator": state["g"], "discriminator": state["d"]}


class Vae:
    def __init__(self, config, pixels):
        self.config, self.pixels = config, pixels
        self.hidden = activation(config["activation"], config)

    def initial_state(self, key, images):
        config, latent = self.config, self.config["latent"]
        key, one, two = jax.random.split(key, 3)
        # Mean and log-variance by one layer of twice the size.
        encoder = initial(one, [self.pixels, *config["encoder_hidden"], 2 * latent], config)
        decoder = initial(two, [latent, *config["decoder_hidden"], self.pixels], config)
        if config["output_bias"] == "data":
            mean = (images.mean(0) / 255.0).clip(0.001, 0.999)
            decoder[-1]["b"] = jnp.log(mean / (1 - mean)).astype(jnp.float32)
        networks = {"encoder": encoder, "decoder": decoder}
        return {"key": key, **networks,
                "updates": {name: update_state(p) for name, p in networks.items()}}

    def losses(self, networks, images, key):
        batch, latent = images.shape[0], self.config["latent"]
        draw, noise = jax.random.split(key)
        x = images / 255.0
        if self.config["pixels"] == "binarize":
            x = (jax.random.uniform(draw, x.shape) < x).astype(jnp.float32)
        heads = dense(networks["encoder"], x, self.hidden, lambda x: x)
        mean, log_variance = heads[:, :latent], heads[:, latent:]
        z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(noise, mean.shape)
        logits = dense(networks["decoder"], z, self.hidden, lambda x: x)
        reconstruction = cross_entropy(logits, x).sum() / batch
        kl = (-0.5 / batch) * (1 + log_variance - mean * mean - jnp.exp(log_variance)).sum()
        return reconstruction, kl

    def step(self, state, images, indices):
        key, drawn = jax.random.split(state["key"])
        networks = {name: state[name] for name in ("encoder", "decoder")}

        def loss(networks):
            parts = self.losses(networks, images[indices], drawn)
            return sum(parts), parts

        (_, (reconstruction, kl)), gradients = jax.value_and_grad(loss, has_aux=True)(networks)
        updates = {}
        for name, parameters in networks.items():
            networks[name], updates[name] = prox_adam(parameters, state["updates"][name],
                                                      gradients[name], self.config,
                                                      self.config["l1_" + name])
        return ({"key": key, **networks, "updates": updates},
                {"reconstruction": reconstruction, "kl": kl})

    def evaluate(self, state, images):
        """Mean ELBO of a batch, one sample an image."""
        key, drawn = jax.random.split(state["key"])
        return {**state, "key": key}, -sum(self.losses(state, images, drawn))

    def networks(self, state):
        return {name: state[name] for name in ("encoder", "decoder")}
