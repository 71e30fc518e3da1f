"""Trains the audio tower: three convolutions, a small transformer and the projector that libmtmd calls "qwen3a".

The tower reads the spectrogram of a sound and writes 13 embeddings for each second that begins, those of sound_codebook.py.

usage: sound_tower.py SOUND_CODEBOOK.pt OUT.pt MINUTES [--from CHECKPOINT.pt]
"""
import argparse, math, os, random, sys, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "vision"))
from sounds import ATTRIBUTES, KINDS, RATE, sound
from tower import Layer, distances

CONFIG = {"mel": 64, "channels": 24, "width": 64, "heads": 4, "ff": 128, "layers": 3, "hidden": 128, "out": 256, "eps": 1e-5, "gelu": "none"}
WINDOW, HOP, CHUNK, TOKENS = 400, 160, 100, 13  # samples, samples, frames, tokens


def mel_filters(mels):
    """The triangular filters of Slaney's mel scale, each of area one: (mels, WINDOW / 2 + 1)."""
    hertz = lambda m: m * 200 / 3 if m < 15 else 1000 * math.exp((m - 15) * math.log(6.4) / 27)
    top = 15 + math.log(RATE / 2000) * 27 / math.log(6.4)
    edges = torch.tensor([hertz(top * i / (mels + 1)) for i in range(mels + 2)], dtype=torch.float64)[:, None]
    f = torch.arange(WINDOW // 2 + 1) * (RATE / WINDOW); left, center, right = edges[:-2], edges[1:-1], edges[2:]
    return (torch.minimum((f - left) / (center - left), (right - f) / (right - center)).clamp(min=0) * 2 / (right - left)).float()


FILTERS = mel_filters(CONFIG["mel"])


def spectrogram(samples):
    """The spectrogram of int16 samples as libmtmd computes it: (mels, frames), frames a multiple of CHUNK, padded with zeros."""
    wave = torch.from_numpy(samples.astype(np.float32) / 32768)
    power = torch.stft(wave, WINDOW, HOP, window=torch.hann_window(WINDOW), pad_mode="reflect", return_complex=True).abs() ** 2
    log = (FILTERS @ power).clamp(min=2 ** -24).log10(); log = (log.clamp(min=log.max() - 8) + 4) / 4
    return F.pad(log, (0, -log.shape[1] % CHUNK))


class SoundTower(nn.Module):
    def __init__(self, c=CONFIG):
        super().__init__(); d, n = c["width"], c["channels"]
        self.convs = nn.ModuleList(nn.Conv2d(i, n, 3, 2, 1) for i in (1, n, n))
        self.linear = nn.Linear(n * c["mel"] // 8, d, bias=False); self.pos = nn.Parameter(torch.randn(TOKENS, d) * .1)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"])); self.post = nn.LayerNorm(d, c["eps"])
        self.up, self.down = nn.Linear(d, c["hidden"]), nn.Linear(c["hidden"], c["out"])
    def forward(self, x):
        """x: (sounds, mels, frames). Returns (sounds, seconds, TOKENS, out). Positions begin again in each second."""
        n, seconds = len(x), x.shape[2] // CHUNK; x = x.unflatten(2, (seconds, CHUNK)).permute(0, 2, 1, 3).flatten(0, 1)[:, None]
        for conv in self.convs: x = F.gelu(conv(x))
        x = self.linear(x.permute(0, 3, 1, 2).flatten(2)) + self.pos; x = x.unflatten(0, (n, seconds)).flatten(1, 2)
        for layer in self.layers: x = layer(x)
        return self.down(F.gelu(self.up(self.post(x)))).unflatten(1, (seconds, TOKENS))


def loss_of(out, labels, book, values):
    """The loss, and whether all attributes of each sound are right in each of its seconds."""
    seconds = out.shape[1]; labels = labels.repeat_interleave(seconds, 0); out = out.flatten(0, 1); d = list(distances(out, values))
    loss = sum(F.cross_entropy(-8 * x, labels[:, i]) + .5 * x.gather(1, labels[:, i:i + 1]).mean() for i, x in enumerate(d)) / len(d)
    loss = loss + .5 * F.mse_loss(out[:, -1], book["last"].expand(len(out), -1)) / book["last"].var()
    return loss, torch.stack([x.argmin(1) == labels[:, i] for i, x in enumerate(d)]).all(0).unflatten(0, (-1, seconds)).all(1)


def main():
    ap = argparse.ArgumentParser(); ap.add_argument("codebook"); ap.add_argument("out"); ap.add_argument("minutes", type=float); ap.add_argument("--from", dest="start")
    ap.add_argument("--lr", type=float, default=3e-3); ap.add_argument("--batch", type=int, default=64); ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--shares", type=float, nargs=5, default=[.25, .35, .1, .25, .05], help="of the kinds of sounds")
    a = ap.parse_args(); rng = random.Random(a.seed); torch.manual_seed(a.seed); torch.set_num_threads(1)
    book = torch.load(a.codebook); values = [book[f"values.{i}"] for i in range(len(ATTRIBUTES))]; tower = SoundTower(); nn.init.normal_(tower.down.weight, std=.02)
    if a.start: tower.load_state_dict(torch.load(a.start))
    params = list(tower.parameters()); print("parameters", sum(p.numel() for p in params), flush=True)
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(.9, .98), weight_decay=.02); old = []
    begun = last = time.process_time(); total = a.minutes * 60; step = seen = 0; right = None
    while (spent := time.process_time() - begun) < total:
        for g in opt.param_groups: g["lr"] = a.lr * min(1, (step + 1) / 100) * (.01 + .99 * .5 * (1 + math.cos(math.pi * spent / total)))
        # Half of a batch was computed before, because sounds cost time.
        new = []
        for _ in range(a.batch // 2):
            samples, labels = sound(rng, rng.choices(KINDS, a.shares)[0]); new.append((spectrogram(samples).half(), labels))
        batch = new + (rng.choices(old, k=a.batch - len(new)) if old else []); seen += len(new); old = old[len(new) if len(old) > 8000 else 0:] + new
        loss, hits = 0, []
        for seconds in (1, 2):
            part = [(x, y) for x, y in batch if x.shape[1] == seconds * CHUNK]
            if not part: continue
            one, hit = loss_of(tower(torch.stack([x for x, _ in part]).float()), torch.tensor([y for _, y in part]), book, values)
            loss = loss + one * len(part) / len(batch); hits.append(hit)
        opt.zero_grad(); loss.backward(); nn.utils.clip_grad_norm_(params, 1.0); opt.step(); step += 1
        hit = torch.cat(hits).float().mean().item(); right = hit if right is None else .98 * right + .02 * hit
        if time.process_time() - last > 30:
            last = time.process_time(); torch.save(tower.state_dict(), a.out)
            print(f"{spent / 60:.1f} min step {step} sounds {seen} loss {loss.item():.4f} all attributes right {right:.3f} by seconds {[round(h.float().mean().item(), 2) for h in hits]}", flush=True)
    torch.save(tower.state_dict(), a.out); print("done", step, seen, f"{right:.4f}")


if __name__ == "__main__": main()
