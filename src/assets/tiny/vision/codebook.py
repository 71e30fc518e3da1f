"""Trains embeddings that mean what a picture shows, and the language model that reads them.

A picture is 18 tokens: a first, two for each attribute of pictures.py, and a last. The codebook holds the embeddings of
each value of each attribute. The vision tower learns to write them; this program needs no pictures. The language model
starts from shimmy-tiny and keeps its dialogues, which are a part of each batch.

usage: codebook.py LANGUAGE_MODEL.gguf OUT_DIR MINUTES
"""
import argparse, json, os, random
import torch, torch.nn as nn
from language_model import batch_loss, chat_dialogue, dialogue, fit, is_right, load
from pictures import ATTRIBUTES, sentence

PER = 2  # tokens an attribute


class Codebook(nn.Module):
    def __init__(self, model, tok):
        super().__init__(); d = model.c["dim"]; scale = model.emb.weight.float().std()
        self.first, self.last = nn.Parameter(torch.randn(1, d) * scale), nn.Parameter(torch.randn(1, d) * scale)
        # Each value starts near the mean of its word's tokens, where the language model has use for it.
        word = lambda w: model.emb(torch.tensor(tok.encode(" " + w))).float().mean(0)
        self.values = nn.ParameterList(
            torch.stack([torch.randn(PER, d) * scale] + [word(v) + torch.randn(PER, d) * scale * .3 for v in values]) for _, values in ATTRIBUTES)
    def forward(self, labels):
        """labels: (pictures, attributes). Returns (pictures, tokens, width)."""
        middle = [table[labels[:, i]] for i, table in enumerate(self.values)]
        ends = [e.expand(len(labels), 1, -1) for e in (self.first, self.last)]
        return torch.cat((ends[0], *middle, ends[1]), 1)


def some_labels(rng):
    """Labels of a picture without the picture, in the shares of pictures.py but with any pair of groups."""
    some = lambda i: rng.randint(1, len(ATTRIBUTES[i][1])); out = [0] * len(ATTRIBUTES); k = rng.random()
    if k < .2: out[1], out[7] = some(1), some(7)
    elif k < .35: out[0], out[1], out[2], out[6] = 1, some(1), some(2), some(6)
    elif k < .45: out[0], out[1], out[2] = rng.choice([2, 3]), some(1), some(2)
    else:
        while True:
            a, b = sorted(((some(0), some(1), some(2)) for _ in range(2)), key=lambda g: g[1:])
            if a[1:] != b[1:]: break
        out[:6] = *a, *b
    return out


def noisy(book, labels):
    """The embeddings of labels with noise: the tower writes them only nearly, and llama.cpp rounds."""
    embeddings = book(torch.tensor(labels)); size = torch.cat([v.flatten() for v in book.values]).std().detach()
    return embeddings + torch.randn_like(embeddings) * size * .15


def check(model, tok, book, rng, n=200):
    """The share of right answers, and a sentence with a wrong one."""
    labels = [some_labels(rng) for _ in range(n)]; wanted = [sentence(x) for x in labels]
    with torch.no_grad(): right = is_right(model, tok, book(torch.tensor(labels)), "What do you see?", wanted)
    return sum(right) / n, next((w for w, r in zip(wanted, right) if not r), "")


def main():
    ap = argparse.ArgumentParser(); ap.add_argument("model"); ap.add_argument("out"); ap.add_argument("minutes", type=float)
    ap.add_argument("--lr", type=float, default=3e-3); ap.add_argument("--batch", type=int, default=24); ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args(); rng = random.Random(a.seed); torch.manual_seed(a.seed); torch.set_num_threads(1); os.makedirs(a.out, exist_ok=True)
    model, tok = load(a.model); book = Codebook(model, tok); json.dump(model.c, open(a.out + "/config.json", "w")); json.dump(tok.merges, open(a.out + "/tokenizer.json", "w"))
    def loss_of(part):
        simple = rng.random() > (.2 if part < .3 else .6)
        labels = [[some_labels(rng) for _ in range(a.batch)] for _ in range(2)]
        talks = [dialogue(rng, tok, [sentence(x) for x in pair], simple) for pair in zip(*labels)]
        if not simple: talks[:a.batch // 3] = [chat_dialogue(rng, tok, 120) for _ in range(a.batch // 3)]
        return batch_loss(model, [noisy(book, x) for x in labels], talks)
    def report(text, weights):
        torch.save(book.state_dict(), a.out + "/codebook.pt"); torch.save(weights, a.out + "/model.pt")
        print(text, *check(model, tok, book, random.Random(7), 60), flush=True)
    fit(model, list(book.parameters()), a.minutes, a.lr, loss_of, report)


if __name__ == "__main__": main()
