"""Trains the vision tower: a small vision transformer and the projector that libmtmd calls "adapter" (GLM-Edge).

The tower reads a picture of 64 by 64 pixels and writes 16 embeddings, those of codebook.py. It learns from pictures of the
training part only.

usage: tower.py CODEBOOK.pt OUT.pt MINUTES [--from CHECKPOINT.pt]
"""
import argparse, math, random, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from pictures import ATTRIBUTES, CELL, COLORS, KINDS, SHAPES, SIZE, picture

CONFIG = {"size": SIZE, "patch": CELL, "width": 96, "heads": 3, "ff": 192, "layers": 4, "hidden": 96, "gate": 128, "out": 256, "eps": 1e-5, "gelu": "tanh"}
MEAN, STD = .5, .5
gelu = lambda x, kind="tanh": F.gelu(x, approximate=kind)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__(); d = c["width"]; self.heads, self.kind = c["heads"], c["gelu"]
        self.ln1, self.ln2 = nn.LayerNorm(d, c["eps"]), nn.LayerNorm(d, c["eps"])
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.up, self.down = nn.Linear(d, c["ff"]), nn.Linear(c["ff"], d)
    def forward(self, x):
        B, T, D = x.shape; y = self.ln1(x); split = lambda z: z.view(B, T, self.heads, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q(y)), split(self.k(y)), split(self.v(y)))
        x = x + self.o(y.transpose(1, 2).reshape(B, T, D))
        return x + self.down(gelu(self.up(self.ln2(x)), self.kind))


class Tower(nn.Module):
    def __init__(self, c=CONFIG):
        super().__init__(); d, n = c["width"], (c["size"] // c["patch"]) ** 2
        self.patch = nn.Conv2d(3, d, c["patch"], c["patch"]); self.pos = nn.Parameter(torch.randn(n, d) * .1)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"])); self.post = nn.LayerNorm(d, c["eps"])
        self.conv = nn.Conv2d(d, d, 2, 2); self.linear = nn.Linear(d, c["hidden"], bias=False); self.norm = nn.LayerNorm(c["hidden"], c["eps"])
        self.up, self.gate = nn.Linear(c["hidden"], c["gate"], bias=False), nn.Linear(c["hidden"], c["gate"], bias=False)
        self.down = nn.Linear(c["gate"], c["out"], bias=False)
    def forward(self, pixels, at=None):
        """pixels: (pictures, 3, 64, 64), normalized. Returns (pictures, 16, 256) and the patches after layer `at`."""
        x = self.patch(pixels).flatten(2).transpose(1, 2) + self.pos; inner = None
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i == at: inner = x
        side = math.isqrt(x.shape[1]); x = self.post(x).transpose(1, 2).unflatten(2, (side, side))
        x = gelu(self.norm(self.linear(self.conv(x).flatten(2).transpose(1, 2))))
        return self.down(F.silu(self.gate(x)) * self.up(x)), inner


def pixels_of(images):
    """uint8 pictures (n, 64, 64, 3) as the tower reads them."""
    return (torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def distances(out, values):
    """The squared distance of each picture's tokens to each value's, an attribute at a time, in units of the mean distance of two values."""
    per = values[0].shape[1]
    for i, table in enumerate(values):
        wanted, given = table.flatten(1), out[:, i * per:(i + 1) * per].flatten(1).float()
        unit = torch.pdist(wanted).pow(2).mean()
        yield ((given[:, None] - wanted) ** 2).sum(-1) / unit


def main():
    ap = argparse.ArgumentParser(); ap.add_argument("codebook"); ap.add_argument("out"); ap.add_argument("minutes", type=float); ap.add_argument("--from", dest="start")
    ap.add_argument("--lr", type=float, default=2e-3); ap.add_argument("--batch", type=int, default=32); ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--shares", type=float, nargs=4, default=[.4, .2, .2, .2], help="of the kinds of pictures")
    a = ap.parse_args(); rng = random.Random(a.seed); torch.manual_seed(a.seed); torch.set_num_threads(1)
    book = torch.load(a.codebook); values = [book[f"values.{i}"] for i in range(len(ATTRIBUTES))]
    tower, cells_head = Tower(), nn.Linear(CONFIG["width"], 1 + len(COLORS) * len(SHAPES))
    nn.init.normal_(tower.down.weight, std=.02)
    if a.start: tower.load_state_dict(torch.load(a.start))
    params = [*tower.parameters(), *cells_head.parameters()]; print("parameters", sum(p.numel() for p in tower.parameters()), flush=True)
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(.9, .98), weight_decay=.02); old = []
    begun = last = time.process_time(); total = a.minutes * 60; step = seen = 0; right = None
    while (spent := time.process_time() - begun) < total:
        part = spent / total
        for g in opt.param_groups: g["lr"] = a.lr * min(1, (step + 1) / 100) * (.01 + .99 * .5 * (1 + math.cos(math.pi * part)))
        # A quarter of a batch was drawn before, because drawing costs time.
        new = [picture(rng, "train", rng.choices(KINDS, a.shares)[0]) for _ in range(a.batch * 3 // 4)]; seen += len(new)
        batch = new + (rng.choices(old, k=a.batch // 4) if old else [])
        old = (old + new) if len(old) < 40000 else (old[len(new):] + new)
        images, labels, cells = zip(*batch); labels, cells = torch.from_numpy(np.stack(labels)), torch.from_numpy(np.stack(cells))
        out, inner = tower(pixels_of(images), 1); shapes = cells_head(inner)
        d = list(distances(out, values))
        loss = sum(F.cross_entropy(-8 * x, labels[:, i]) + .5 * x.gather(1, labels[:, i:i + 1]).mean() for i, x in enumerate(d)) / len(d)
        has = torch.tensor([bool(c.any()) for c in cells])  # The cells of a digit say nothing.
        near = F.cross_entropy(shapes.float()[has].flatten(0, 1), cells[has].flatten(), reduction="none"); full = cells[has].flatten() > 0
        loss = loss + .5 * (near[full].mean() + near[~full].mean()) * (1 - .8 * part)
        opt.zero_grad(); loss.backward(); nn.utils.clip_grad_norm_(params, 1.0); opt.step(); step += 1
        hit = torch.stack([x.argmin(1) == labels[:, i] for i, x in enumerate(d)]).all(0).float().mean().item()
        right = hit if right is None else .98 * right + .02 * hit
        if time.process_time() - last > 60:
            last = time.process_time(); torch.save(tower.state_dict(), a.out)
            print(f"{spent / 60:.1f} min step {step} pictures {seen} loss {loss.item():.4f} all attributes right {right:.3f}", flush=True)
    torch.save(tower.state_dict(), a.out); print("done", step, seen, f"{right:.4f}")


if __name__ == "__main__": main()
