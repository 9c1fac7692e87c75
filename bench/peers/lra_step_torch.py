"""One training step of the LRA text classifier in PyTorch: a peer of src/lra-step.ts.

Written from the description of the model and the protocol (packages/models/src/lra.ts); no official code. check_lra.py compares it with
the official implementation's numbers. `--compile` is torch.compile of forward and loss (backward with it); `--sdpa` gives softmax
attention PyTorch's fused kernel instead of the plain one, where the device has it.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import lra_protocol
from lra_protocol import landmark_positions


class Primal(nn.Module):
    def __init__(self, d, heads, n, s):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.output = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)
        self.combine = nn.Linear(2 * s, d // heads)
        self.we = nn.Parameter(nn.init.orthogonal_(torch.empty(heads, n, s)))
        self.wr = nn.Parameter(nn.init.orthogonal_(torch.empty(heads, n, s)))
        self.lam = nn.Parameter(torch.rand(heads, s))

    def forward(self, x, mask, rows):
        b, length, d = x.shape
        split = lambda z: z.view(b, -1, self.heads, d // self.heads).transpose(1, 2)
        q, k = F.normalize(split(self.query(x)), dim=-1), F.normalize(split(self.key(x)), dim=-1)
        # Not x[:, rows]: the gradient of that is a serial index_put.
        fx = split(x.index_select(1, rows)).transpose(2, 3)
        e, r = q @ (fx @ self.we), k @ (fx @ self.wr)
        heads = self.combine(torch.cat([e, r], -1)) * mask[:, None, :, None]
        lam = self.lam[:, None, :]
        variance = lambda z: (z.float() * lam).square().sum(-1).mean() / 2
        trace = (self.we * self.wr).sum() / self.heads
        objective = variance(e) + variance(r) - trace
        return self.output(heads.transpose(1, 2).reshape(b, length, d)), objective


class Softmax(nn.Module):
    def __init__(self, d, heads, dropout, fused):
        super().__init__()
        self.heads, self.dropout, self.fused = heads, dropout, fused
        self.query, self.key, self.value, self.output = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x, mask, rows):
        b, length, d = x.shape
        split = lambda z: z.view(b, length, self.heads, d // self.heads).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        penalty = ((1 - mask) * -1e6)[:, None, None, :]
        if self.fused:
            # The fused kernels read a penalty for each query through strides of 0.
            heads = F.scaled_dot_product_attention(
                q, k, v, penalty.to(q.dtype).expand(b, 1, length, length), self.dropout if self.training else 0.0
            )
        else:
            scores = (q / math.sqrt(d // self.heads)) @ k.transpose(2, 3) + penalty
            weights = F.dropout(torch.softmax(scores, -1), self.dropout, self.training)
            heads = weights.to(v.dtype) @ v
        return self.output(heads.transpose(1, 2).reshape(b, length, d)), None


class Layer(nn.Module):
    def __init__(self, attention, d, ff, dropout):
        super().__init__()
        self.attention = attention
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.hidden, self.output = nn.Linear(d, ff), nn.Linear(ff, d)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, mask, rows):
        attended, objective = self.attention(self.norm1(x), mask, rows)
        x = x + self.drop(attended)
        return x + self.drop(self.output(self.drop(F.gelu(self.hidden(self.norm2(x)))))), objective


class Classifier(nn.Module):
    """The sizes' defaults are those of the paper's text task."""

    def __init__(self, kinds, length, vocabulary=512, classes=2, d=64, heads=2, ff=128, n=200, s=20, dropout=0.1, fused=False):
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(vocabulary, d) * 0.02)
        self.positions = nn.Parameter(torch.randn(length, d) * 0.02)
        make = lambda kind: Primal(d, heads, n, s) if kind == "primal" else Softmax(d, heads, dropout, fused)
        self.layers = nn.ModuleList(Layer(make(kind), d, ff, dropout) for kind in kinds)
        self.norm = nn.LayerNorm(d)
        self.drop = nn.Dropout(dropout)
        self.head_hidden, self.head_output = nn.Linear(d, ff), nn.Linear(ff, classes)
        self.register_buffer("rows", torch.from_numpy(landmark_positions(length, n)).long(), persistent=False)

    def forward(self, ids):
        mask = (ids != 0).float()
        h = self.drop(F.embedding(ids, self.tokens) + self.positions)
        objectives = []
        for layer in self.layers:
            h, objective = layer(h, mask, self.rows)
            if objective is not None:
                objectives.append(objective)
        pooled = (self.norm(h) * mask[..., None]).mean(1)
        return self.head_output(F.relu(self.head_hidden(pooled))), objectives


def total_loss(model, ids, labels, eta):
    logits, objectives = model(ids)
    loss = F.cross_entropy(logits.float(), labels)
    if objectives:
        loss = loss + eta * torch.stack(objectives).square().mean()
    return logits, loss


def main():
    options = lra_protocol.parse_options(compile="torch.compile", sdpa="fused softmax attention")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high" if options.precision == "tf32" else "highest")
    device = torch.device(options.device)
    model = Classifier([options.mechanism] * 2, options.length, dropout=options.dropout, fused=options.sdpa).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, eps=1e-6, weight_decay=0.0, fused=True)
    ids, labels = (torch.from_numpy(array).long().to(device) for array in lra_protocol.random_batch(options))
    forward = torch.compile(total_loss) if options.compile else total_loss

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            _, loss = forward(model, ids, labels, 0.05)
        loss.backward()
        optimizer.step()
        return loss.item

    def info():
        cuda = device.type == "cuda"
        return {
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "threads": torch.get_num_threads(),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "peakBytes": torch.cuda.max_memory_allocated() if cuda else None,
            "peakBytesSource": "PyTorch's allocator" if cuda else None,
        }

    lra_protocol.serve(options, step, info)


if __name__ == "__main__":
    main()
