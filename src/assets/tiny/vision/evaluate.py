"""Asks a running OpenAI-compatible server about new pictures at temperature 0 and prints the share of right sentences.

usage: evaluate.py BASE_URL [N] [QUESTION]
"""
import base64, collections, json, random, sys, urllib.request
from pictures import picture, png, sentence

base, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
question = sys.argv[3] if len(sys.argv) > 3 else "What do you see?"
rng = random.Random(20260); right, total, wrong = collections.Counter(), collections.Counter(), {}
for i in range(n):
    kind = ["test pair", "pair", "group", "place", "digit"][i % 5]
    pixels, labels, _ = picture(rng, "test") if kind == "test pair" else picture(rng, "train", kind)
    url = "data:image/png;base64," + base64.b64encode(png(pixels)).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    body = json.dumps({"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 60}).encode()
    request = urllib.request.Request(base + "/v1/chat/completions", body, {"content-type": "application/json"})
    got = json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"]
    total[kind] += 1; right[kind] += got == sentence(labels)
    if got != sentence(labels): wrong[kind] = (got, sentence(labels))
for k in total: print(f"{k}: {right[k]}/{total[k]}", wrong.get(k, ""))
print(f"all: {sum(right.values())}/{sum(total.values())}")
