"""Asks a running OpenAI-compatible server about new sounds at temperature 0 and prints the share of right sentences.

usage: evaluate.py BASE_URL [N] [QUESTION]
"""
import base64, collections, json, random, sys, urllib.request
from sounds import KINDS, RATE, sentence, sound, wav

base, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
question = sys.argv[3] if len(sys.argv) > 3 else "What do you hear?"
rng = random.Random(20260); right, total, wrong = collections.Counter(), collections.Counter(), {}
for i in range(n):
    kind = KINDS[i % len(KINDS)]; samples, labels = sound(rng, kind)
    content = [{"type": "input_audio", "input_audio": {"data": base64.b64encode(wav(samples)).decode(), "format": "wav"}}, {"type": "text", "text": question}]
    body = json.dumps({"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 60}).encode()
    request = urllib.request.Request(base + "/v1/chat/completions", body, {"content-type": "application/json"})
    got = json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"]; is_right = got == sentence(labels)
    for k in (kind, "up to a second" if len(samples) < RATE else "longer", "all"):
        total[k] += 1; right[k] += is_right
        if not is_right: wrong[k] = (got, sentence(labels))
for k in [*KINDS, "up to a second", "longer", "all"]: print(f"{k}: {right[k]}/{total[k]}", wrong.get(k, ""))
