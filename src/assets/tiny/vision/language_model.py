"""The built-in language model in PyTorch, with the weights of its GGUF file, and dialogues about pictures."""
import math, os, sys, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from gguf import GGUFReader, dequantize

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from dialogues import SYSTEMS, conversation, turn
from train import Model, Tokenizer, rope

TOKENS = 18  # tokens of a picture in the prompt
QUESTIONS = ["What do you see?", "What is in the picture?", "What is in this picture?", "What is in this image?", "What is in the image?",
             "Describe the picture.", "Describe this picture.", "Describe this image.", "Describe the image.", "What is this?",
             "What can you see?", "What does the picture show?", "What does this image show?", "Look at this.", ""]


def load(path):
    """Returns the model and its tokenizer. Quantized weights become the numbers that llama.cpp computes with."""
    reader = GGUFReader(path); field = lambda name: reader.get_field(name).contents()
    c = {"dim": field("llama.embedding_length"), "layers": field("llama.block_count"), "heads": field("llama.attention.head_count"),
         "kv": field("llama.attention.head_count_kv"), "ff": field("llama.feed_forward_length"), "vocab": field("llama.vocab_size")}
    names = {"attn_norm": "an", "ffn_norm": "fn", "attn_q": "q", "attn_k": "kk", "attn_v": "v", "attn_output": "o",
             "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}
    state = {}
    for t in reader.tensors:
        p = t.name.split("."); w = torch.tensor(np.array(dequantize(t.data, t.tensor_type), np.float32))
        key = {"token_embd": "emb.weight", "output_norm": "norm.weight"}.get(p[0]) or f"blocks.{p[1]}.{names[p[2]]}.weight"
        state[key] = w
    model = Model(c); model.load_state_dict(state); model.eval()
    for p in model.parameters(): p.requires_grad = False
    return model.bfloat16(), Tokenizer([m.split(" ") for m in field("tokenizer.ggml.merges")])


def run(model, x):
    """The logits after each token of x, embeddings of (batch, tokens, width): as train.py's Model, but faster in bfloat16."""
    B, T, D = x.shape; x = x.bfloat16(); hd = model.blocks[0].hd; inf = torch.full((T, T), float("-inf"), dtype=x.dtype).triu(1)
    t = torch.outer(torch.arange(T).float(), 10000.0 ** (-torch.arange(0, hd, 2).float() / hd)); cos, sin = t.cos().to(x.dtype), t.sin().to(x.dtype)
    for b in model.blocks:
        y = b.an(x); split = lambda z: z.view(B, T, -1, hd).transpose(1, 2)
        q, k, v = rope(split(b.q(y)), cos, sin), rope(split(b.kk(y)), cos, sin), split(b.v(y))
        # The query heads that share a key head are one matrix.
        a = (q.reshape(B, b.k, -1, hd) / math.sqrt(hd)) @ k.transpose(-1, -2)
        a = (a.view(B, b.h, T, T) + inf).softmax(-1).view(B, b.k, -1, T) @ v
        x = x + b.o(a.view(B, b.h, T, hd).transpose(1, 2).reshape(B, T, D))
        y = b.fn(x); x = x + b.down(F.silu(b.gate(y)) * b.up(y))
    return F.linear(model.norm(x), model.emb.weight)


def question(rng, tok, image):
    """The ids of a user message with a picture: -1 - i stands for the tokens of picture i."""
    q = rng.choice(QUESTIONS); gap = rng.choice(["", "", "\n"])
    picture = [-1 - image] * TOKENS
    if not q: return picture
    return picture + tok.encode(gap + q) if rng.random() < .75 else tok.encode(q + gap) + picture


def dialogue(rng, tok, sentences, simple, ask=question):
    """Returns ids and whether each id is to be learned, of a dialogue about the pictures with these descriptions.

    A simple dialogue is one question. Others have a system message, other turns, or a second picture.
    `ask(rng, tok, i)` returns the ids of the message about description i.
    """
    ids, learn = [], []
    def say(role, content, wanted=False):
        head = tok.encode(f"<|im_start|>{role}\n"); tail = tok.encode("<|im_end|>")
        body = tok.encode(content) if isinstance(content, str) else content
        ids.extend(head + body + tail + tok.encode("\n")); learn.extend([0] * len(head) + [int(wanted)] * (len(body) + 1) + [0])
    def chat():
        while True:
            q, a = turn(rng, {})
            if len(a) < 50: break  # Long answers cost time and teach nothing about pictures.
        say("user", q); say("assistant", a, True)
    if rng.random() < (.2 if simple else .5): say("system", rng.choice(SYSTEMS))
    if not simple and rng.random() < .3: chat()
    say("user", ask(rng, tok, 0)); say("assistant", sentences[0], True)
    if simple: return ids, learn
    k = rng.random()
    if k < .35: chat()
    elif k < .7: say("user", ask(rng, tok, 1)); say("assistant", sentences[1], True)
    return ids, learn


def chat_dialogue(rng, tok, longest):
    """Returns ids and whether each id is to be learned, of a dialogue without pictures of at most `longest` tokens."""
    while True:
        ids, learn = [], []
        for m in conversation(rng):
            head, body = tok.encode(f"<|im_start|>{m['role']}\n"), tok.encode(m["content"] + "<|im_end|>")
            wanted = int(m["role"] == "assistant"); ids += head + body + tok.encode("\n"); learn += [0] * len(head) + [wanted] * len(body) + [0]
        if len(ids) <= longest: return ids, learn


def batch_loss(model, pictures, dialogues):
    """The loss of the learned ids. `pictures` has (dialogues, tokens, width) of each picture of a dialogue."""
    n = max(len(ids) for ids, _ in dialogues)
    ids = torch.tensor([i + [0] * (n - len(i)) for i, _ in dialogues]); learn = torch.tensor([w + [0] * (n - len(w)) for _, w in dialogues])
    x = model.emb(ids.clamp(min=0)).float()
    for i, p in enumerate(pictures):
        at = (ids == -1 - i).nonzero(as_tuple=True); rows = at[0][::p.shape[1]]
        if len(rows): x = x.index_put(at, p[rows].flatten(0, 1))
    logits = run(model, x)[:, :-1]; wanted = learn[:, 1:].bool()
    return F.cross_entropy(logits[wanted].float(), ids[:, 1:][wanted])


@torch.no_grad()
def is_right(model, tok, pictures, text, sentences, marks=("", "")):
    """Whether the greedy answer to a question about each picture is its sentence. `pictures` is (pictures, tokens, width).

    `marks` are texts before and after the picture. The greedy answer is the sentence if each of its tokens is the most probable one after those before it.
    """
    head, tail = tok.encode("<|im_start|>user\n") + tok.encode(marks[0]), tok.encode(marks[1]) + tok.encode(text + "<|im_end|>\n<|im_start|>assistant\n"); out = []
    for picture, wanted in zip(pictures, sentences):
        ids = tok.encode(wanted + "<|im_end|>"); embed = lambda t: model.emb(torch.tensor(t)).float()
        x = torch.cat((embed(head), picture, embed(tail + ids[:-1])))[None]
        out.append(run(model, x)[0, -len(ids):].argmax(-1).tolist() == ids)
    return out


def fit(model, embeddings, minutes, lr, loss_of, report):
    """Trains the language model and `embeddings`, parameters that it reads, for minutes of processor time.

    `loss_of(part)` returns the loss of a batch; `part` is the share of the time that has passed. `report(text, weights)` is called each
    30 seconds and at the end, with the parameters of the model in full precision.
    """
    # The model computes in bfloat16; the optimizer changes a copy of full precision.
    used = list(model.parameters()); exact = [nn.Parameter(p.float()) for p in used]
    for p in used: p.requires_grad = True
    weights = lambda: dict(zip((n for n, _ in model.named_parameters()), (p.detach() for p in exact)))
    opt = torch.optim.AdamW([{"params": embeddings, "scale": 2.5}, {"params": exact, "scale": .25}], lr=lr, betas=(.9, .98), weight_decay=.0)
    begun = last = time.process_time(); total = minutes * 60; step = 0; avg = None
    while (spent := time.process_time() - begun) < total:
        part = spent / total
        for g in opt.param_groups: g["lr"] = g["scale"] * lr * min(1, (step + 1) / 50) * (.02 + .98 * .5 * (1 + math.cos(math.pi * part)))
        loss = loss_of(part); model.zero_grad(); opt.zero_grad(); loss.backward()
        for p, e in zip(used, exact): e.grad = p.grad.float()
        nn.utils.clip_grad_norm_([*embeddings, *exact], 1.0); opt.step(); step += 1
        with torch.no_grad():
            for p, e in zip(used, exact): p.copy_(e)
        avg = loss.item() if avg is None else .95 * avg + .05 * loss.item()
        if time.process_time() - last > 30: last = time.process_time(); report(f"{spent / 60:.1f} min step {step} loss {avg:.4f}", weights())
    report(f"done {step} loss {avg:.4f}", weights())
