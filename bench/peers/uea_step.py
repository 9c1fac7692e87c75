"""One training step of the UEA classifier in PyTorch (eager): the peer of src/uea-step.ts.

Written from the description of the model and the protocol (packages/models/src/uea.ts, experiments/uea); no official code. Where eager
PyTorch offers several ways to the same numbers, the one that is fastest on a CPU stands here. check_uea.py compares model and optimizer
with the official implementation's numbers.

    python uea_step.py --model primal --steps 40 --warmup 10 --threads 2

prints one JSON object when it is ready, then reads one line from standard input before each round (so that it can wait while another
program is timed) and answers with one JSON object per round.
"""

import argparse
import json
import math
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Primal(nn.Module):
    def __init__(self, d, heads, n, s):
        super().__init__()
        self.heads = heads
        self.n = n
        p = d // heads
        self.query, self.key, self.out = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)
        self.combine = nn.Linear(2 * s, p)
        self.we = nn.Parameter(nn.init.orthogonal_(torch.empty(heads, n, s)))
        self.wr = nn.Parameter(nn.init.orthogonal_(torch.empty(heads, n, s)))
        self.lam = nn.Parameter(torch.rand(heads, s))

    def forward(self, x):
        b, length, d = x.shape
        split = lambda z: z.view(b, -1, self.heads, d // self.heads).transpose(1, 2)
        q, k = F.normalize(split(self.query(x)), dim=-1), F.normalize(split(self.key(x)), dim=-1)
        rows = torch.linspace(0, length - 1, self.n, dtype=torch.float64).long()
        # Not x[:, rows]: the gradient of that is a serial index_put.
        fx = split(x.index_select(1, rows)).transpose(2, 3)
        e, r = q @ (fx @ self.we), k @ (fx @ self.wr)
        heads = self.combine(torch.cat([e, r], -1))
        lam = self.lam[:, None, :]
        variance = lambda z: (z * lam).square().sum(-1).mean((1, 2)) / 2
        trace = (self.we * self.wr).sum() / self.heads
        objective = variance(e) + variance(r) - trace
        return self.out(heads.transpose(1, 2).reshape(b, length, d)), objective


class Softmax(nn.Module):
    def __init__(self, d, heads, dropout):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(d, d) for _ in range(4))
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        b, length, d = x.shape
        split = lambda z: z.view(b, length, self.heads, d // self.heads).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        weights = self.drop(torch.softmax(q @ k.transpose(2, 3) / math.sqrt(d // self.heads), -1))
        return self.out((weights @ v).transpose(1, 2).reshape(b, length, d)), None


class Layer(nn.Module):
    def __init__(self, attention, d, ff, dropout):
        super().__init__()
        self.attention = attention
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.hidden, self.output = nn.Linear(d, ff), nn.Linear(ff, d)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        attended, objective = self.attention(x)
        x = self.norm1(x + self.drop(attended))
        return self.norm2(x + self.drop(self.output(self.drop(F.gelu(self.hidden(x)))))), objective


class Classifier(nn.Module):
    def __init__(self, kinds, features, length, classes, d, heads, ff, n, s, dropout):
        super().__init__()
        self.scale = math.sqrt(d)
        self.project = nn.Linear(features, d)
        self.positions = nn.Parameter(torch.empty(length, d).uniform_(-0.02, 0.02))
        make = lambda kind: Primal(d, heads, n, s) if kind == "primal" else Softmax(d, heads, dropout)
        self.layers = nn.ModuleList(Layer(make(kind), d, ff, dropout) for kind in kinds)
        self.norm = nn.LayerNorm(d)
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Linear(length * d, classes)

    def forward(self, x, mask):
        h = self.drop(self.project(x) * self.scale + self.positions)
        objectives = []
        for layer in self.layers:
            h, objective = layer(h)
            if objective is not None:
                objectives.append(objective)
        h = self.drop(F.gelu(self.norm(h))) * mask[..., None]
        return self.classifier(h.flatten(1)), objectives


def losses(model, x, mask, y, eta):
    logits, objectives = model(x, mask)
    per_sample = F.cross_entropy(logits, y, reduction="none")
    if objectives:
        per_sample = per_sample + eta * torch.stack(objectives).square().mean(0)
    return logits, per_sample.mean()


class RAdam:
    """The rectified Adam of the paper's UEA code: momentum steps while the variance is not tractable.

    One parameter after the other: each stays in the cache through its five operations. On a CPU the torch._foreach_ operations pass over
    all parameters once per operation, which took 11 to 12 ms where this takes 8.5 (6 million parameters, two cores).
    """

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-8):
        self.parameters, self.lr, self.betas, self.eps, self.step_count = list(parameters), lr, betas, eps, 0
        self.m = [torch.zeros_like(p) for p in self.parameters]
        self.v = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self):
        self.step_count += 1
        t, (b1, b2) = self.step_count, self.betas
        limit = 2 / (1 - b2) - 1
        length = limit - 2 * t * b2**t / (1 - b2**t)
        size = -self.lr / (1 - b1**t)
        rectified = length >= 5
        if rectified:
            size *= math.sqrt((1 - b2**t) * (length - 4) / (limit - 4) * (length - 2) / length * limit / (limit - 2))
        for parameter, m, v in zip(self.parameters, self.m, self.v):
            gradient = parameter.grad
            m.mul_(b1).add_(gradient, alpha=1 - b1)
            v.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
            if rectified:
                parameter.addcdiv_(m, v.sqrt().add_(self.eps), value=size)
            else:
                parameter.add_(m, alpha=size)


KINDS = {"primal": ["primal"] * 2, "trans": ["softmax"] * 2, "primal-trans": ["softmax", "primal"]}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--model", choices=KINDS, default="primal")
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--steps", type=int, default=40)
    arguments.add_argument("--warmup", type=int, default=10)
    arguments.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(666)
    rank, eta = {"primal": (40, 0.5), "trans": (1, 0.0), "primal-trans": (30, 0.2)}[options.model]
    model = Classifier(KINDS[options.model], 12, 26, 9, 512, 8, 2048, 26, rank, 0.1)
    optimizer = RAdam(model.parameters(), 1e-3)
    x = torch.randn(options.batch, 26, 12)
    mask = torch.ones(options.batch, 26)
    y = torch.arange(options.batch) % 9

    def step():
        start = time.perf_counter()
        for parameter in optimizer.parameters:
            parameter.grad = None
        _, loss = losses(model, x, mask, y, eta)
        loss.backward()
        nn.utils.clip_grad_norm_(optimizer.parameters, 4.0)
        optimizer.step()
        loss.item()
        return (time.perf_counter() - start) * 1000

    for _ in range(options.warmup):
        step()
    size = sum(parameter.numel() for parameter in optimizer.parameters)
    ready = {"torch": torch.__version__, "threads": torch.get_num_threads(), "parameters": size}
    print(json.dumps(ready), flush=True)
    start = time.process_time()
    for _ in sys.stdin:
        times = [step() for _ in range(options.steps)]
        print(json.dumps({"ms": times, "cpuMs": (time.process_time() - start) * 1000}), flush=True)


if __name__ == "__main__":
    main()
