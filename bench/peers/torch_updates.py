"""Adam with the proximal step for PyTorch, written in four ways that make the same weights."""

import math

import torch


class ProxAdam:
    """Adam, then the proximal step in its metric for weights: threshold lr lambda / D with
    D = sqrt(v_hat) + epsilon. Written for speed: D is computed once, and w - clamp(w, -t, t) is
    the soft threshold in two operations."""

    def __init__(self, weights, biases, config, penalty):
        self.parameters = weights + biases
        self.m = [torch.zeros_like(p) for p in self.parameters]
        self.v = [torch.zeros_like(p) for p in self.parameters]
        self.penalty, self.penalised = penalty, len(weights) if penalty > 0 else 0
        self.lr, self.epsilon = config["lr"], config["epsilon"]
        self.beta1, self.beta2 = config["beta1"], config["beta2"]
        self.t = 0

    def step(self):
        self.t += 1
        with torch.no_grad():
            self.update(self.lr / (1 - self.beta1 ** self.t),
                        math.sqrt(1 - self.beta2 ** self.t))
        for p in self.parameters:
            p.grad = None

    def update(self, rate, root):
        for i, (p, m, v) in enumerate(zip(self.parameters, self.m, self.v)):
            g = p.grad
            m.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
            v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            d = v.sqrt().div_(root).add_(self.epsilon)
            p.addcdiv_(m, d, value=-rate)
            if i < self.penalised:
                threshold = d.reciprocal_().mul_(self.lr * self.penalty)
                p.sub_(torch.clamp(p, -threshold, threshold))


class ForeachProxAdam(ProxAdam):
    """One call for each operation on all parameters, instead of one for each parameter."""

    def update(self, rate, root):
        grads = [p.grad for p in self.parameters]
        torch._foreach_mul_(self.m, self.beta1)
        torch._foreach_add_(self.m, grads, alpha=1 - self.beta1)
        torch._foreach_mul_(self.v, self.beta2)
        torch._foreach_addcmul_(self.v, grads, grads, value=1 - self.beta2)
        d = torch._foreach_sqrt(self.v)
        torch._foreach_div_(d, root)
        torch._foreach_add_(d, self.epsilon)
        torch._foreach_addcdiv_(self.parameters, self.m, d, value=-rate)
        if self.penalised:
            weights, thresholds = self.parameters[:self.penalised], d[:self.penalised]
            torch._foreach_reciprocal_(thresholds)
            torch._foreach_mul_(thresholds, self.lr * self.penalty)
            torch._foreach_sub_(weights, [torch.clamp(w, -t, t)
                                          for w, t in zip(weights, thresholds)])


class FlatProxAdam(ProxAdam):
    """A network's parameters and moments are one tensor each: about 15 calls an update."""

    def __init__(self, weights, biases, config, penalty):
        super().__init__([], [], config, penalty)
        self.parameters = weights + biases
        self.penalised = sum(w.numel() for w in weights)
        self.values = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        place = 0
        for p in self.parameters:
            p.data = self.values[place:place + p.numel()].view(p.shape)
            place += p.numel()
        self.m, self.v = torch.zeros_like(self.values), torch.zeros_like(self.values)

    def update(self, rate, root):
        g = torch.cat([p.grad.reshape(-1) for p in self.parameters])
        self.m.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
        self.v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
        d = self.v.sqrt().div_(root).add_(self.epsilon)
        self.move(d, rate)
        if self.penalty > 0:
            w = self.values[:self.penalised]
            threshold = d[:self.penalised].reciprocal_().mul_(self.lr * self.penalty)
            w.sub_(torch.clamp(w, -threshold, threshold))

    def move(self, d, rate):
        self.values.addcdiv_(self.m, d, value=-rate)


class CompiledProxAdam(ProxAdam):
    """One pass over each parameter, by torch.compile. What changes from step to step comes in
    tensors, so that it is compiled once."""

    def __init__(self, weights, biases, config, penalty):
        super().__init__(weights, biases, config, penalty)
        self.rate, self.root = torch.zeros(()), torch.ones(())
        self.compiled = torch.compile(self.all_parameters)

    def update(self, rate, root):
        self.rate.fill_(rate)
        self.root.fill_(root)
        self.compiled([p.grad for p in self.parameters], self.rate, self.root)

    def all_parameters(self, grads, rate, root):
        for i, (p, m, v, g) in enumerate(zip(self.parameters, self.m, self.v, grads)):
            m.mul_(self.beta1).add_(g, alpha=1 - self.beta1)
            v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            d = v.sqrt() / root + self.epsilon
            w = p - rate * m / d
            if i < self.penalised:
                threshold = self.lr * self.penalty / d
                w = w - torch.clamp(w, -threshold, threshold)
            p.copy_(w)


UPDATES = {"eager": ProxAdam, "foreach": ForeachProxAdam, "flat": FlatProxAdam,
           "compile": CompiledProxAdam}


def same_weights(updates, steps=200):
    """The greatest difference between weights that the updates made, and the zeros that each has:
    for tests."""
    config = {"lr": 1e-2, "epsilon": 1e-8, "beta1": 0.9, "beta2": 0.999}
    shapes = [((7, 5), (7,)), ((3, 7), (3,))]
    torch.manual_seed(2)
    start = [[torch.randn(s) for s in group] for group in zip(*shapes)]
    made = []
    for kind in updates:
        weights, biases = ([p.clone().requires_grad_() for p in group] for group in start)
        update = kind(weights, biases, config, 0.05)
        for step in range(steps):
            loss = sum(((p - 0.3 * (step % 3)) ** 2 * p.detach().abs()).sum()
                       for p in weights + biases)
            loss.backward()
            update.step()
        made.append(weights + biases)
    worst = max(float((a - b).abs().max().detach()) for other in made[1:]
                for a, b in zip(made[0], other))
    return worst, [sum(int((p == 0).sum()) for p in group) for group in made]
