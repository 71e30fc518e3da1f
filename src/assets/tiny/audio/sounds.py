"""Synthetic sounds that the audio tower is trained on, and the sentence that describes each.

Everything is computed here; no outside sounds are used. A sound has tones of one or two pitches, a rising or falling tone, a telephone
key, noise, or silence. `sound(rng, kind)` returns

- `samples`: int16, 16,000 a second, less than two seconds;
- `labels`: one value an attribute of ATTRIBUTES, 0 if the sound has no such attribute.

usage: sounds.py FOLDER SECONDS SENTENCE...   writes a sound of each sentence as a WAV file, of between half of the seconds and all
"""
import math, os, random, struct, sys
import numpy as np

RATE, LONGEST = 16000, 31999
COUNTS = ["a", "two", "three", "four"]
PITCHES = {"high": (900, 1700), "low": (170, 420)}  # hertz
OTHERS = ["a rising tone", "a falling tone", "noise", "silence"]
KEYS = [str(d) for d in range(10)]
# The attributes in the order in which the sentence says them. The groups of tones are in the order of time.
ATTRIBUTES = [("count1", COUNTS), ("pitch1", list(PITCHES)), ("count2", COUNTS), ("pitch2", list(PITCHES)), ("other", OTHERS), ("key", KEYS)]
KINDS = ["tones", "two pitches", "glide", "key", "noise or silence"]
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)  # hertz of the two tones of a telephone key, ITU-T Q.23


def sentence(labels):
    """Describes a sound: "I hear two high tones and a low tone."."""
    word = {name: values[v - 1] if v else None for (name, values), v in zip(ATTRIBUTES, labels)}
    if word["key"]: return f"I hear the key {word['key']}."
    if word["other"]: return f"I hear {word['other']}."
    groups = [f"{word['count' + k]} {word['pitch' + k]} tone" + ("" if word["count" + k] == "a" else "s") for k in "12" if word["count" + k]]
    return "I hear " + " and ".join(groups) + "."


def some_labels(rng, kind=None):
    """Labels of a sound of a kind of KINDS."""
    kind = kind or rng.choices(KINDS, [.25, .35, .1, .25, .05])[0]; labels = [0] * len(ATTRIBUTES); some = lambda values: rng.randint(1, len(values))
    if kind == "key": labels[5] = some(KEYS)
    elif kind == "glide": labels[4] = rng.randint(1, 2)
    elif kind == "noise or silence": labels[4] = rng.randint(3, 4)
    else:
        labels[:2] = some(COUNTS), some(PITCHES)
        if kind == "two pitches":
            labels[0] = rng.randint(1, 3); labels[2:4] = rng.randint(1, 4 - labels[0]), 3 - labels[1]
    return labels


def faded(wave, rng):
    """The wave with a soft start and end."""
    n = min(len(wave) // 3, int(RATE * rng.uniform(.004, .015))); ramp = .5 - .5 * np.cos(np.pi * np.arange(n) / n)
    wave[:n] *= ramp; wave[len(wave) - n:] *= ramp[::-1]; return wave


def tone(rng, hertz, overtones):
    """A tone whose frequency is `hertz` at each sample."""
    phase = 2 * math.pi * np.cumsum(hertz) / RATE + rng.uniform(0, 6)
    return sum(a * np.sin((k + 1) * phase) for k, a in enumerate((1, *overtones)))


def tones(rng, labels, room):
    """The tones of the groups, with gaps, in at most `room` seconds."""
    pitches = [p for n, p in (labels[:2], labels[2:4]) for _ in range(n)]; n = len(pitches)
    base = {p: rng.uniform(*PITCHES[name]) for p, name in enumerate(PITCHES, 1)}
    each = min(rng.uniform(.09, .35), room / (n * 1.05) - .07); gap = min(rng.uniform(.07, .3), room / n - each * 1.05)
    overtones = rng.choice([(), (), (.3,), (.2, .15), (0, .3)]); parts = []
    for i, p in enumerate(pitches):
        if i: parts.append(np.zeros(int(RATE * gap * rng.uniform(.95, 1))))
        hertz = np.full(int(RATE * each * rng.uniform(.95, 1.05)), base[p] * rng.uniform(.98, 1.02))
        parts.append(faded(tone(rng, hertz, overtones), rng) * rng.uniform(.8, 1))
    return np.concatenate(parts)


def sound(rng, kind=None, labels=None):
    """Computes a sound of a kind of KINDS, or with these labels."""
    labels = labels or some_labels(rng, kind); noise = np.random.default_rng(rng.getrandbits(32))
    n = sum(labels[0:4:2]); total = rng.uniform(max(.4, .18 * n), LONGEST / RATE); room = total - .04
    if labels[5]:
        key = labels[5] - 1; row, column = (3, 1) if key == 0 else divmod(key - 1, 3)
        flat = np.ones(int(RATE * rng.uniform(.12, min(room, .8)))); off = lambda: rng.uniform(.99, 1.01)
        wave = faded(tone(rng, flat * ROWS[row] * off(), ()) + rng.uniform(.8, 1.25) * tone(rng, flat * COLUMNS[column] * off(), ()), rng)
    elif labels[4] in (1, 2):
        octaves = rng.uniform(.8, 2.2); low = rng.uniform(180, 1700 / 2 ** octaves); count = int(RATE * rng.uniform(.3, min(room, 1.6)))
        hertz = low * 2 ** (octaves * np.linspace(0, 1, count)); wave = faded(tone(rng, hertz[::1 if labels[4] == 1 else -1], rng.choice([(), (), (.3,), (.2, .15)])), rng)
    elif labels[4] == 3:
        wave = noise.normal(0, 1, int(RATE * rng.uniform(.3, room)))
        if rng.random() < .5: wave = np.convolve(wave, np.ones(4) / 4, "same")
        wave = faded(wave, rng)
    elif labels[4] == 4: wave = np.zeros(1)
    else: wave = tones(rng, labels, room)
    out = np.zeros(int(RATE * total)); peak = max(np.abs(wave).max(), 1e-9); loud = rng.uniform(.08, .95)
    start = int(rng.random() ** 2 * (len(out) - len(wave))); out[start:start + len(wave)] = wave / peak * loud
    out += noise.normal(0, rng.choice([0, 0, .0003] if labels[4] == 4 else [0, .0003, .003 * loud, .012 * loud]), len(out))
    return np.clip(np.round(out * 32767), -32768, 32767).astype(np.int16), labels


def wav(samples):
    """Returns mono samples as a WAV file."""
    data = samples.astype("<i2").tobytes()
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) + b"data" + struct.pack("<I", len(data)) + data


def file_name(text): return text.removeprefix("I hear ").rstrip(".").replace(" ", "-") + ".wav"


if __name__ == "__main__":
    folder, seconds, wanted, rng = sys.argv[1], float(sys.argv[2]), set(sys.argv[3:]), random.Random(2026); os.makedirs(folder, exist_ok=True)
    while wanted:
        labels = some_labels(rng); text = sentence(labels)
        if text not in wanted: continue
        samples, _ = sound(rng, labels=labels)
        if seconds / 2 < len(samples) / RATE < seconds: wanted.remove(text); open(f"{folder}/{file_name(text)}", "wb").write(wav(samples))
