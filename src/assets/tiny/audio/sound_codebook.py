"""Trains embeddings that mean what a sound has, and the language model that reads them as well as those of pictures.

A second of a sound is 13 tokens: two for each attribute of sounds.py, and a last. The tokens of each second describe the whole sound.
The embeddings of pictures stay as they are, so that the vision tower remains valid. Dialogues about pictures and without either are a
part of each batch.

usage: sound_codebook.py LANGUAGE_MODEL.gguf PICTURE_CODEBOOK.pt OUT_DIR MINUTES [--from DIR]
"""
import argparse, json, os, random, sys
import torch, torch.nn as nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "vision"))
import codebook as picture_codebook, pictures
from codebook import PER, Codebook, noisy
from language_model import batch_loss, chat_dialogue, dialogue, fit, is_right, load, question
from sounds import ATTRIBUTES, sentence, some_labels

SECOND = 13  # tokens of a second
MARKS = "<|audio_start|>", "<|audio_end|>"  # the texts of libmtmd around a sound; the tokenizer has no such tokens
QUESTIONS = ["What do you hear?", "What can you hear?", "What is this sound?", "What is that sound?", "What is in the recording?", "What is this?",
             "Describe the sound.", "Describe this sound.", "Describe the audio.", "What sound is this?", "Listen to this.", "Transcribe audio to text", ""]


class SoundCodebook(nn.Module):
    def __init__(self, model, tok):
        super().__init__(); d = model.c["dim"]; scale = model.emb.weight.float().std(); self.last = nn.Parameter(torch.randn(1, d) * scale)
        word = lambda w: model.emb(torch.tensor(tok.encode(" " + w))).float().mean(0)
        self.values = nn.ParameterList(
            torch.stack([torch.randn(PER, d) * scale] + [word(v) + torch.randn(PER, d) * scale * .3 for v in values]) for _, values in ATTRIBUTES)
    def forward(self, labels):
        """labels: (sounds, attributes). Returns (sounds, tokens, width) of one second."""
        return torch.cat([*(table[labels[:, i]] for i, table in enumerate(self.values)), self.last.expand(len(labels), 1, -1)], 1)


def sound_question(rng, tok, slot, tokens):
    """The ids of a user message with a sound: -1 - slot stands for its tokens."""
    q = rng.choice(QUESTIONS); gap = rng.choice(["", "", "\n"])
    ids = tok.encode(MARKS[0]) + [-1 - slot] * tokens + tok.encode(MARKS[1])
    if not q: return ids
    return ids + tok.encode(gap + q) if rng.random() < .6 else tok.encode(q + gap) + ids


def check(model, tok, book, rng, seconds, n):
    """The share of right answers about sounds, and a sentence with a wrong one."""
    labels = [some_labels(rng) for _ in range(n)]; wanted = [sentence(x) for x in labels]
    with torch.no_grad(): right = is_right(model, tok, book(torch.tensor(labels)).repeat(1, seconds, 1), "What do you hear?", wanted, MARKS)
    return sum(right) / n, next((w for w, r in zip(wanted, right) if not r), "")


def main():
    ap = argparse.ArgumentParser(); ap.add_argument("model"); ap.add_argument("pictures"); ap.add_argument("out"); ap.add_argument("minutes", type=float); ap.add_argument("--from", dest="start")
    ap.add_argument("--lr", type=float, default=2e-3); ap.add_argument("--batch", type=int, default=20); ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args(); rng = random.Random(a.seed); torch.manual_seed(a.seed); torch.set_num_threads(1); os.makedirs(a.out, exist_ok=True)
    model, tok = load(a.model); seen, heard = Codebook(model, tok), SoundCodebook(model, tok); seen.load_state_dict(torch.load(a.pictures))
    if a.start: model.load_state_dict(torch.load(a.start + "/model.pt")); heard.load_state_dict(torch.load(a.start + "/sound_codebook.pt"))
    for p in seen.parameters(): p.requires_grad = False
    json.dump(model.c, open(a.out + "/config.json", "w")); json.dump(tok.merges, open(a.out + "/tokenizer.json", "w"))
    def loss_of(part):
        # A batch has slots for two pictures and two sounds; each dialogue uses one or two of them.
        simple = rng.random() < .4; seconds = rng.choices([1, 2], [.7, .3])[0]; share = .75 if part < .4 else .5
        shown, said = [[[make(rng) for _ in range(a.batch)] for _ in range(2)] for make in (picture_codebook.some_labels, some_labels)]
        talks = []
        for row in range(a.batch):
            hears = [rng.random() < share for _ in range(2)]
            def ask(rng, tok, i): return sound_question(rng, tok, 2 + i, SECOND * seconds) if hears[i] else question(rng, tok, i)
            talks.append(dialogue(rng, tok, [sentence(said[i][row]) if hears[i] else pictures.sentence(shown[i][row]) for i in range(2)], simple, ask))
        if not simple: talks[:a.batch // 3] = [chat_dialogue(rng, tok, 120) for _ in range(a.batch // 3)]
        return batch_loss(model, [noisy(seen, x) for x in shown] + [noisy(heard, x).repeat(1, seconds, 1) for x in said], talks)
    def report(text, weights):
        torch.save(heard.state_dict(), a.out + "/sound_codebook.pt"); torch.save(weights, a.out + "/model.pt")
        rng = random.Random(7)
        print(text, *(check(model, tok, heard, rng, seconds, 40) for seconds in (1, 2)), picture_codebook.check(model, tok, seen, rng, 40), flush=True)
    fit(model, list(heard.parameters()), a.minutes, a.lr, loss_of, report)


if __name__ == "__main__": main()
