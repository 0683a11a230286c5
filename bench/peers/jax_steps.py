"""JAX's side of peers/run: the work that bench/peers/steps.h names, by XLA on the CPU.

    jax_steps.py THREADS DATA [CALL [RANDOM]]

CALL: one, a step is one jitted call with its state donated (the default); scan, 10 steps a call, by
lax.scan. RANDOM: threefry2x32 (JAX's default), rbg or unsafe_rbg. The arrays are on the device,
orders are drawn on the host. Standard input: first the settings, one line of JSON as burin_steps
prints it; then, a line each, a number of seconds to work for. Answers each with a line of JSON.
"""

import os
import sys

sys.dont_write_bytecode = True
import served

THREADS, DATA, CALL, RANDOM = (sys.argv[1:] + ["one", "threefry2x32"][len(sys.argv) - 3:])[:4]
served.prepare(THREADS)
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NPROC"] = THREADS  # the size of XLA's pool
if THREADS == "1":
    os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "")
                               + " --xla_cpu_multi_thread_eigen=false")

import functools

import jax
import jax.numpy as jnp
import numpy

jax.config.update("jax_default_prng_impl", RANDOM)
import jax_models

STEPS = 10  # in a scan, and calls between two looks at the clock


def trainer(model, state, images, batch):
    """Steps in a call, and the call."""
    generator = numpy.random.default_rng(1)
    order = served.Order(len(images), batch,
                         lambda count: generator.permutation(count).astype(numpy.int32))

    @functools.partial(jax.jit, donate_argnums=0)
    def one(state, images, indices):
        return model.step(state, images, indices)

    @functools.partial(jax.jit, donate_argnums=0)
    def many(state, images, indices):
        state, losses = jax.lax.scan(lambda s, i: model.step(s, images, i), state, indices)
        return state, jax.tree.map(lambda x: x[-1], losses)

    if CALL == "scan":
        return STEPS, lambda state: many(state, images, numpy.stack([order.next()
                                                                     for _ in range(STEPS)]))
    return 1, lambda state: one(state, images, order.next())


def evaluator(model, state, images, batch):
    count = len(images) // batch

    @functools.partial(jax.jit, donate_argnums=0)
    def one(state, images, first):
        return model.evaluate(state, jax.lax.dynamic_slice_in_dim(images, first, batch))

    @functools.partial(jax.jit, donate_argnums=0)
    def whole(state, images):
        parts = images[:count * batch].reshape(count, batch, images.shape[1])
        state, elbos = jax.lax.scan(model.evaluate, state, parts)
        return state, {"elbo": elbos.mean()}

    def by_one(state):
        total = 0.0
        for i in range(count):
            state, elbo = one(state, images, i * batch)
            total = total + elbo
        return state, {"elbo": total / count}

    return count, (lambda state: whole(state, images)) if CALL == "scan" else by_one


def sampler(model):
    @functools.partial(jax.jit, donate_argnums=0)
    def one(state):
        return model.sample(state)

    @functools.partial(jax.jit, donate_argnums=0)
    def many(state):
        state, pictures = jax.lax.scan(lambda s, _: model.sample(s), state, length=STEPS)
        return state, {"mean_pixel": pictures}

    def by_one(state):
        state, pictures = one(state)
        return state, {"mean_pixel": pictures}

    return (STEPS, many) if CALL == "scan" else (1, by_one)


def main():
    hello = served.settings()
    config = hello["config"]
    pixels = served.images_of(hello, DATA)
    model = (jax_models.Gan if config["model"] == "gan" else jax_models.Vae)(config,
                                                                           pixels.shape[1])
    state = model.initial_state(jax.random.key(1), pixels)
    images = jax.device_put(pixels)
    del pixels
    steps, call = {"train": lambda: trainer(model, state, images, config["batch"]),
                   "evaluate": lambda: evaluator(model, state, images, config["batch"]),
                   "sample": lambda: sampler(model)}[hello["work"]]()
    held = {"state": state, "losses": {}}
    del state
    first = [True]

    def work():
        calls = 1 if first[0] or steps > 1 else STEPS
        first[0] = False
        for _ in range(calls):
            held["state"], held["losses"] = call(held["state"])
        jax.block_until_ready(held["losses"])
        return calls * steps

    def report():
        zeros = {}
        for name, layers in model.networks(held["state"]).items():
            weights = [numpy.asarray(layer["w"]) for layer in layers]
            zeros[name] = sum(int((w == 0).sum()) for w in weights) / sum(w.size for w in weights)
        return {"losses": {name: float(numpy.mean(numpy.asarray(loss)))
                           for name, loss in held["losses"].items()}, "zeros": zeros}

    served.serve({"version": f"JAX {jax.__version__}, jaxlib {jax.lib.__version__}"}, work, report)


if __name__ == "__main__":
    main()
