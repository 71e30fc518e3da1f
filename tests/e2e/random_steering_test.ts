/** Random frames to a real server: the answers stay those to their own tokens, and no frame breaks one. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { Machine, Server } from "../cli/machine.ts";
import { type Frame, FrameReader } from "../doubles/frames.ts";
import { randomNumbers } from "../support/exactness.ts";
import { FrameSocket } from "./frame_socket.ts";

const STORY = {
  prompt: "Tell me a story about a fox.",
  temperature: 0,
  max_tokens: 90,
  ignore_eos: true,
  stream_format: "json",
  alternatives: 2,
};

/** Of two tokens with log probabilities this close, either may be chosen: rounding depends on the batch. */
const NEAR = 0.05;

/** Frames that no answer takes. */
const REFUSED: readonly unknown[] = [
  ...[-1, 1.5, 1e9, 1e300, "3", true, {}].map((rewind) => ({ rewind })),
  ...[-1, 1e9, 0.5, "a", []].map((token) => ({ token })),
  ...["", 5, "x".repeat(20_000)].map((insert) => ({ insert })),
  ...[-1, 1e6, 0.5].map((fork) => ({ fork })),
  { fork: 0, n: 0 },
  { fork: 0, n: 9 },
  { n: 2 },
  { keep: "gen-unknown" },
  { answer: "gen-unknown", pause: true },
  { rewind: 0, insert: "a", token: 1 },
  { grammar: "root ::= nothing" },
  { json_schema: 5 },
  { stop: false },
  { temperature: -1 },
  { temperature: "warm" },
  { nonsense: 1 },
  { prompt: "another request" },
  [],
  "text",
  null,
  5,
];

/**
 * The frames of tokens, without text that was held back until the end. A token that begins the answer with a
 * space can have two frames.
 */
function tokensOf(frames: readonly Frame[]): Frame[] {
  const tokens = frames.filter(({ id }) => id !== undefined);
  return tokens.filter(({ index }, at) => at === 0 || tokens[at - 1]!.index !== index);
}

/** The answers of a stream by their ids, as a client keeps them. */
class Answers {
  readonly tokens = new Map<string, Frame[]>();
  readonly done = new Map<string, Frame>();
  errors = 0;
  own = "";

  add(frame: Frame): void {
    if (frame.error !== undefined) return void this.errors++;
    if (this.own === "") this.own = String(frame.answer);
    const id = String(frame.answer ?? this.own);
    const tokens = this.tokens.get(id) ?? [];
    this.tokens.set(id, tokens);
    if (typeof frame.rewind === "number") {
      this.tokens.set(id, tokens.filter(({ index }) => Number(index) < Number(frame.rewind)));
    } else if (Array.isArray(frame.answers)) {
      const shared = tokens.filter(({ index }) => Number(index) < Number(frame.forked));
      for (const fork of frame.answers) this.tokens.set(fork, [...shared]);
    } else if (frame.done) this.done.set(id, frame);
    else tokens.push(frame);
  }

  get ids(): string[] {
    return [...this.tokens.keys()];
  }

  /** The tokens of an answer. */
  of(id: string): Frame[] {
    return tokensOf(this.tokens.get(id)!);
  }

  text(id: string): string {
    return this.tokens.get(id)!.map(({ token = "" }) => token).join("");
  }
}

/** A frame that an answer may take. */
function control(random: (below: number) => number, answers: Answers): Frame {
  const ids = answers.ids;
  const id = ids[random(ids.length)]!;
  const to = random(3) === 0 ? {} : { answer: id };
  const at = random(answers.of(id).length + 1);
  const token = 300 + random(200);
  switch (random(9)) {
    case 0:
      return { ...to, pause: true };
    case 1:
      return { ...to, resume: true };
    case 2:
      return { ...to, rewind: at };
    case 3:
      return { ...to, rewind: at, insert: "in short: " };
    case 4:
      return { ...to, rewind: at, token };
    case 5:
      return { ...to, token, pause: true };
    case 6:
      return ids.length > 6 ? { ...to, resume: true } : { ...to, fork: at, n: 1 + random(2) };
    case 7:
      return { ...to, top_k: 1 + random(9), seed: random(100) };
    default:
      return { ...to, insert: "!" };
  }
}

/** The answers of a socket after the first token of a story, which is paused. */
async function begun(socket: FrameSocket): Promise<Answers> {
  const answers = new Answers();
  socket.send(STORY);
  socket.send({ pause: true });
  while (answers.ids.length === 0) {
    socket.send({ insert: "Once" });
    answers.add(await socket.frame() as Frame);
  }
  return answers;
}

/** Compares an answer with one that begins with its tokens up to the last one that a control put there. */
async function assertOwnAnswer(server: Server, tokens: readonly Frame[], name: string) {
  const chosen = tokens.findLastIndex(({ inserted }) => inserted === true) + 1;
  const begin = tokens.slice(0, chosen).map(({ id }) => id);
  const response = await server.generate({ ...STORY, stream_format: "ndjson", begin });
  const again = tokensOf(await new FrameReader(response).rest());
  assertEquals(again.length, tokens.length, name);
  const at = tokens.findIndex(({ id }, index) => again[index]!.id !== id);
  if (at === -1) return;
  const { alternatives } = again[at] as { alternatives?: { logprob: number }[] };
  assert(alternatives !== undefined, `${name}: a chosen token differs`);
  assertLess(alternatives[0]!.logprob - alternatives[1]!.logprob, NEAR, `${name} at ${at}`);
}

Deno.test("random frames over a WebSocket leave each answer the one to its own tokens", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine, ["--port", "0", "--parallel", "4"]);
  const url = server.url("/ws/generate").replace(/^http/, "ws");
  for (let seed = 1; seed <= 5; seed++) {
    const random = randomNumbers(seed);
    await using socket = await FrameSocket.open(url);
    const answers = await begun(socket);
    const reading = (async () => {
      while (answers.done.size < answers.tokens.size) answers.add(await socket.frame() as Frame);
    })();
    for (let sent = 0; sent < 40 && answers.done.size < answers.tokens.size; sent++) {
      const isRefused = random(4) === 0;
      socket.send(isRefused ? REFUSED[random(REFUSED.length)] : control(random, answers));
      if (random(2) === 0) await delay(random(6));
    }
    // Forks can be on their way, which begin to run.
    while (answers.done.size < answers.tokens.size) {
      for (const id of answers.ids) socket.send({ answer: id, resume: true });
      await delay(20);
    }
    await reading;
    const resumed = new Answers();
    // The frame that named it may have been rewound.
    resumed.own = answers.own;
    const view = await fetch(server.url(`/api/generate/${answers.own}/stream?from=0`), {
      headers: { accept: "application/x-ndjson" },
    });
    for (const frame of await new FrameReader(view).rest()) resumed.add(frame);
    for (const id of answers.ids) {
      const name = `answer ${id} of seed ${seed}`;
      const tokens = answers.of(id);
      const ids = (of: Answers) => of.of(id).map((token) => token.id);
      assertEquals([ids(resumed), resumed.text(id)], [ids(answers), answers.text(id)], name);
      assertEquals(tokens.map(({ index }) => index), tokens.map((_, index) => index), name);
      const { usage, finish_reason } = answers.done.get(id) as { usage: Frame } & Frame;
      assertEquals([usage.completion_tokens, finish_reason], [tokens.length, "length"], name);
      await assertOwnAnswer(server, tokens, name);
    }
  }
});

Deno.test("each frame that no answer takes is refused, and the answer is as without it", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine, ["--port", "0"]);
  const url = server.url("/ws/generate").replace(/^http/, "ws");
  await using socket = await FrameSocket.open(url);
  const answers = await begun(socket);
  for (const frame of REFUSED) {
    const { errors } = answers;
    socket.send(frame);
    while (answers.errors === errors) answers.add(await socket.frame() as Frame);
  }
  socket.send({ resume: true });
  while (answers.done.size === 0) answers.add(await socket.frame() as Frame);
  await assertOwnAnswer(server, answers.of(answers.own), "the answer");
});
