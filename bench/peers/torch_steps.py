"""PyTorch's side of peers/run: the work that bench/peers/steps.h names.

    torch_steps.py THREADS DATA [MODE]
    torch_steps.py --self-test

MODE is how the update is written: eager (the default), foreach, flat; or compile: the parts between
two backward passes and the update by torch.compile. Standard input: first the settings, one line of
JSON as burin_steps prints it; then, a line each, a number of seconds to work for. Answers each with
a line of JSON, as burin_steps does.
"""

import sys

sys.dont_write_bytecode = True
import served

SELF_TEST = "--self-test" in sys.argv
served.prepare(1 if SELF_TEST else sys.argv[1])  # before torch is loaded

import torch
import torch_models
import torch_updates


def load_images(directory, split="train"):
    return torch.from_numpy(served.load_images(directory, split))


def make_model(config, images, mode):
    kind = torch_models.Gan if config["model"] == "gan" else torch_models.Vae
    compiled = torch.compile if mode == "compile" else lambda function: function
    return kind(config, images, torch_updates.UPDATES[mode], compiled)


def worker(hello, model):
    """What one call does: returns steps done, and sets losses."""
    losses, batch, count = {}, hello["config"]["batch"], len(model.images)
    if hello["work"] == "train":
        order = served.Order(count, batch, torch.randperm)

        def work():
            losses.update(model.step(order.next()))
            return 1
    elif hello["work"] == "sample":
        def work():
            losses["mean_pixel"] = model.sample()
            return 1
    else:
        def work():
            parts = [model.evaluate(first) for first in range(0, count - batch + 1, batch)]
            losses["elbo"] = torch.tensor(sum(parts) / len(parts))
            return len(parts)
    return work, losses


def blas():
    """What multiplies matrices. NumPy may have loaded a BLAS of its own beside PyTorch's MKL."""
    if "BLAS_INFO=mkl" in torch.__config__.show():
        return "MKL"
    core = served.openblas_core()
    return served.blas_in_use() + (f", kernels for {core}" if core else "")


def main():
    threads, data, mode = (sys.argv[1:] + ["eager"])[:3]
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)  # moments of weights that are hardly used come there
    torch.manual_seed(1)
    hello = served.settings()
    images = torch.from_numpy(served.images_of(hello, data))
    model = make_model(hello["config"], images, mode)
    work, losses = worker(hello, model)

    def report():
        zeros = {name: sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)
                 for name, weights in model.networks().items()}
        return {"losses": {name: float(loss.float().mean()) for name, loss in losses.items()},
                "zeros": zeros}

    served.serve({"version": f"PyTorch {torch.__version__}, {blas()}"}, work, report)


def self_test():
    """The ways to write the update make the same weights."""
    modes = [m for m in torch_updates.UPDATES if m != "compile" or hasattr(torch, "compile")]
    worst, zeros = torch_updates.same_weights([torch_updates.UPDATES[m] for m in modes])
    # Rounding alone tells them apart: hundreds of units of a number near 1 after 200 steps.
    passed = worst < 1e-4 and len(set(zeros)) == 1 and zeros[0] > 0
    print(f"{'passed' if passed else 'FAILED'}: {', '.join(modes)}: greatest difference "
          f"{worst:.2g}, zeros {zeros}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(self_test() if SELF_TEST else main())
