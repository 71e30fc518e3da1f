"""Synthetic pictures that the vision tower is trained on, and the sentence that describes each.

Everything is drawn here; no outside pictures are used. A picture shows one or two groups of equal
shapes, one shape at a place, or one digit. `picture(rng, part)` draws one picture:

- `pixels`: uint8, (64, 64, 3), RGB;
- `labels`: int64, (8,), one value an attribute of ATTRIBUTES, 0 if the picture has no such attribute;
- `cells`: int64, (64,), which shape has its center in each cell of 8 by 8 pixels, 0 for none.

usage: pictures.py FOLDER SENTENCE...   writes a picture of each sentence as a PNG file
"""
import math, os, random, struct, sys, zlib
import numpy as np

SIZE, CELL = 64, 8
COLORS = {"red": (220, 40, 40), "green": (40, 160, 60), "blue": (40, 80, 220), "yellow": (240, 200, 40), "black": (25, 25, 25)}
SHAPES = ["circle", "square", "triangle"]
COUNTS = ["a", "two", "three"]
PLACES = ["top left", "top right", "bottom left", "bottom right", "center"]
DIGITS = [str(d) for d in range(10)]
NAMES = list(COLORS)
KINDS = ["pair", "group", "place", "digit"]
# The attributes in the order in which the sentence says them. The first group has the color that COLORS lists first.
ATTRIBUTES = [("count1", COUNTS), ("color1", NAMES), ("shape1", SHAPES), ("count2", COUNTS), ("color2", NAMES),
              ("shape2", SHAPES), ("place", PLACES), ("digit", DIGITS)]
# The segments of a digit: a is the top, then clockwise, g is the middle.
SEGMENTS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]
ENDS = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2), "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}


def sentence(labels):
    """Describes a picture: "I see a red circle and two blue squares."."""
    word = {name: values[v - 1] if v else None for (name, values), v in zip(ATTRIBUTES, labels)}
    if word["digit"]: return f"I see a {word['color1']} {word['digit']}."
    groups = [" ".join((word["count" + k], word["color" + k], word["shape" + k] + ("" if word["count" + k] == "a" else "s")))
              for k in "12" if word["count" + k]]
    return "I see " + " and ".join(groups) + (f" in the {word['place']}" if word["place"] else "") + "."


def is_test_pair(first, second):
    """One pair of groups in eight is never drawn for training. A group is (count, color, shape)."""
    return (7 * (first[1] * 3 + first[2]) + 3 * (second[1] * 3 + second[2]) + first[0] + second[0]) % 8 == 0


def disc(x, y, r, _): return (x - r, y - r, x + r, y + r), lambda u, v: np.hypot(u - x, v - y) - r


def polygon(sides, turn, inner):
    """A regular polygon around (x, y): the distance to its nearest side, negative inside."""
    def shape(x, y, r, angle):
        directions = [turn + angle + 2 * math.pi * k / sides for k in range(sides)]
        def distance(u, v): return np.max([(u - x) * math.cos(a) + (v - y) * math.sin(a) for a in directions], 0) - r * inner
        return (x - 1.5 * r, y - 1.5 * r, x + 1.5 * r, y + 1.5 * r), distance
    return shape


DRAW = {"circle": disc, "square": polygon(4, 0, .86), "triangle": polygon(3, math.pi / 2, .56)}


def stroke(x0, y0, x1, y1, half):
    """A line from (x0, y0) to (x1, y1) with round ends, `half` is half its width."""
    def distance(u, v):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        return np.hypot(u - x0 - t * dx, v - y0 - t * dy) - half
    return (min(x0, x1) - half, min(y0, y1) - half, max(x0, x1) + half, max(y0, y1) + half), distance


def paint(image, form, color, sharpness):
    (x0, y0, x1, y1), distance = form
    x0, y0, x1, y1 = (max(0, int(x0) - 3), max(0, int(y0) - 3), min(SIZE, int(x1) + 4), min(SIZE, int(y1) + 4))
    u, v = np.arange(x0, x1, dtype=np.float32)[None, :] + .5, np.arange(y0, y1, dtype=np.float32)[:, None] + .5
    cover = np.clip(.5 - distance(u, v) * sharpness, 0, 1)[..., None]
    image[y0:y1, x0:x1] += cover * (color - image[y0:y1, x0:x1])


def places(rng, n):
    """Returns n centers and radii of shapes that do not touch."""
    low, high = {2: (6.5, 14), 3: (6.5, 12), 4: (6.5, 10)}[n]
    while True:
        out = []
        for _ in range(60):
            r = rng.uniform(low, high); x, y = rng.uniform(r + 1, SIZE - r - 1), rng.uniform(r + 1, SIZE - r - 1)
            if all(math.hypot(x - a, y - b) > 1.1 * (r + c) + 2 for a, b, c in out): out.append((x, y, r))
            if len(out) == n: return out


def place_of(rng, place):
    """Returns a center and a radius for one shape at a place of PLACES."""
    if place == "center":
        r = rng.uniform(6, 20); return rng.uniform(28, 36), rng.uniform(28, 36), r
    r = rng.uniform(6, 12); near = lambda: rng.uniform(r + 1, 21); far = lambda: rng.uniform(43, SIZE - r - 1)
    return (near() if "left" in place else far()), (near() if "top" in place else far()), r


def picture(rng, part, kind=None):
    """Draws a picture of a part: "train", "test" (pairs of groups never drawn for training), or "any"."""
    noise = np.random.default_rng(rng.getrandbits(32))
    background = np.array([rng.uniform(200, 255) for _ in range(3)] if rng.random() < .4 else [rng.uniform(205, 255)] * 3, np.float32)
    image = np.empty((SIZE, SIZE, 3), np.float32); image[:] = background
    labels, cells = np.zeros(len(ATTRIBUTES), np.int64), np.zeros((SIZE // CELL) ** 2, np.int64)
    sharpness = rng.choice([1, 1, 1, rng.uniform(.4, 4)])
    tint = lambda c: np.clip(np.array(COLORS[NAMES[c]], np.float32) + [rng.uniform(-22, 22) for _ in range(3)], 0, 255)
    def shape(s, c, x, y, r, color):
        paint(image, DRAW[SHAPES[s]](x, y, r, rng.uniform(-.2, .2)), color, sharpness)
        cells[int(y) // CELL * (SIZE // CELL) + int(x) // CELL] = 1 + c * len(SHAPES) + s
    kind = kind or ("pair" if part == "test" else rng.choices(KINDS, [.4, .2, .2, .2])[0])
    some = lambda values: rng.randrange(len(values))
    if kind == "digit":
        digit, c = some(DIGITS), some(NAMES); labels[[1, 7]] = c + 1, digit + 1
        h = rng.uniform(16, 22); w = h * rng.uniform(.95, 1.15); half = rng.uniform(.12, .2) * h + .5
        x, y = rng.uniform(28, 36) - w / 2, SIZE / 2 + rng.uniform(-1, 1) * min(4, 31 - h - half) - h
        color = tint(c)
        for s in SEGMENTS[digit]:
            a, b, d, e = ENDS[s]; paint(image, stroke(x + a * w, y + b * h, x + d * w, y + e * h, half), color, sharpness)
    elif kind == "place":
        place, c, s = some(PLACES), some(NAMES), some(SHAPES); labels[[0, 1, 2, 6]] = 1, c + 1, s + 1, place + 1
        x, y, r = place_of(rng, PLACES[place]); shape(s, c, x, y, r, tint(c))
    else:
        while True:
            if kind == "group": groups = [(rng.choice([2, 3]), some(NAMES), some(SHAPES))]; break
            groups = sorted(((rng.randint(1, 2), some(NAMES), some(SHAPES)) for _ in range(2)), key=lambda g: g[1:])
            if groups[0][1:] != groups[1][1:] and (part == "any" or is_test_pair(*groups) == (part == "test")): break
        spots = places(rng, sum(g[0] for g in groups))
        for k, (n, c, s) in enumerate(groups):
            labels[3 * k:3 * k + 3] = n, c + 1, s + 1; color = tint(c)
            for _ in range(n): shape(s, c, *spots.pop(), color)
    image += noise.normal(0, rng.choice([0, 0, 3, 6]), image.shape)
    return np.clip(image + .5, 0, 255).astype(np.uint8), labels, cells


def png(pixels):
    """Returns an RGB picture as a PNG file."""
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def file_name(text): return text.removeprefix("I see ").rstrip(".").replace(" ", "-") + ".png"


if __name__ == "__main__":
    folder, wanted, rng = sys.argv[1], set(sys.argv[2:]), random.Random(2026); os.makedirs(folder, exist_ok=True)
    while wanted:
        pixels, labels, _ = picture(rng, "any"); text = sentence(labels)
        if text in wanted: wanted.remove(text); open(f"{folder}/{file_name(text)}", "wb").write(png(pixels))
