/** Steering of a real server: a process of its own, the real library, the tiny model. */
import { assert, assertEquals } from "@std/assert";
import { Machine, Server } from "../cli/machine.ts";
import { type Frame, FrameReader } from "../doubles/frames.ts";
import { FrameSocket } from "./frame_socket.ts";

/** A machine with a server on it. */
async function serve() {
  const stack = new AsyncDisposableStack();
  const machine = stack.use(await Machine.start());
  const server = stack.use(await Server.start(machine, ["--port", "0", "--parallel", "4"]));
  return { server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const STORY = {
  prompt: "Tell me a story about a fox.",
  temperature: 0,
  max_tokens: 60,
  ignore_eos: true,
  stream_format: "json",
};

/** The tokens of answers by their ids, as a client keeps them. */
class Answers {
  readonly tokens = new Map<string, Frame[]>();
  readonly done = new Map<string, Frame>();
  #own = "";

  add(frame: Frame): void {
    if (this.#own === "") this.#own = String(frame.answer);
    const id = String(frame.answer ?? this.#own);
    const tokens = this.tokens.get(id) ?? [];
    this.tokens.set(id, tokens);
    if (typeof frame.rewind === "number") tokens.length = frame.rewind;
    else if (Array.isArray(frame.answers)) {
      for (const fork of frame.answers) {
        this.tokens.set(fork, tokens.slice(0, Number(frame.forked)));
      }
    } else if (frame.done) this.done.set(id, frame);
    else if (frame.id !== undefined) tokens.push(frame);
  }

  ids(id = this.#own): unknown[] {
    return this.tokens.get(id)!.map((token) => token.id);
  }
}

/** Reads frames until a condition holds. */
async function read(socket: FrameSocket, answers: Answers, until: () => boolean): Promise<void> {
  while (!until()) answers.add(await socket.frame() as Frame);
}

/** An answer that is paused with these tokens. The tiny model would end before a control arrives. */
async function pausedWith(socket: FrameSocket, request: Frame, ids: readonly unknown[]) {
  const answers = new Answers();
  socket.send(request);
  socket.send({ pause: true });
  socket.send({ rewind: 0, token: ids[0] });
  for (let isBegun = false; !isBegun;) {
    const frame = await socket.frame() as Frame;
    // With an error, the prompt was not read yet.
    if (frame.error === undefined) answers.add(frame);
    else socket.send({ rewind: 0, token: ids[0] });
    isBegun = frame.inserted === true;
  }
  for (const id of ids.slice(1)) socket.send({ token: id });
  await read(socket, answers, () => answers.ids().length === ids.length);
  return answers;
}

Deno.test("over a WebSocket, rewinds and forks give the answer of a run without them", async () => {
  await using running = await serve();
  const url = running.server.url("/ws/generate").replace(/^http/, "ws");
  await using socket = await FrameSocket.open(url);
  const plain = new Answers();
  socket.send(STORY);
  await read(socket, plain, () => plain.done.size === 1);
  assertEquals(plain.ids().length, 60);

  const steered = await pausedWith(socket, STORY, plain.ids().slice(0, 20));
  socket.send({ rewind: 8 });
  socket.send({ fork: 4, n: 2 });
  socket.send({ resume: true });
  await read(socket, steered, () => steered.done.size === 3);
  assertEquals(steered.tokens.size, 3);
  for (const id of steered.tokens.keys()) assertEquals(steered.ids(id), plain.ids(), id);
  const usage = [...steered.done.values()].map(({ usage }) => (usage as Frame).completion_tokens);
  assertEquals(usage, [60, 60, 60]);
});

Deno.test("an alternative is chosen by its id, and the answer goes on from there", async () => {
  await using running = await serve();
  const { server } = running;
  const url = server.url("/ws/generate").replace(/^http/, "ws");
  await using socket = await FrameSocket.open(url);
  const plain = new Answers();
  socket.send({ ...STORY, alternatives: 3 });
  await read(socket, plain, () => plain.done.size === 1);
  const [tokens] = plain.tokens.values();
  const { alternatives } = tokens![10] as { alternatives: { id: number; token: string }[] };
  assertEquals(alternatives.length, 3);
  const other = alternatives.find(({ id }) => id !== tokens![10]!.id)!;
  const kept = plain.ids().slice(0, 10);

  const steered = await pausedWith(socket, STORY, plain.ids().slice(0, 15));
  socket.send({ rewind: 10, token: other.id });
  socket.send({ resume: true });
  await read(socket, steered, () => steered.done.size === 1);
  assertEquals(steered.ids().slice(0, 11), [...kept, other.id]);
  const begin = [...kept, other.id];
  const again = await server.generate({ ...STORY, stream_format: "ndjson", begin });
  const frames = await new FrameReader(again).rest();
  assertEquals(frames.filter(({ id }) => id !== undefined).map(({ id }) => id), steered.ids());
});

Deno.test("a detached answer goes on without its client, and is taken up again", async () => {
  await using running = await serve();
  const { server } = running;
  const plain = await (await server.generate({ ...STORY, stream: false })).json();
  const response = await server.generate({ ...STORY, stream_format: "ndjson", detach: true });
  const id = response.headers.get("x-shimmy-answer")!;
  const frames = new FrameReader(response);
  await frames.take(3);
  await frames[Symbol.asyncDispose]();
  const again = await fetch(server.url(`/api/generate/${id}/stream?from=0`), {
    headers: { accept: "application/x-ndjson" },
  });
  const all = await new FrameReader(again).rest();
  assertEquals(all.map(({ token = "" }) => token).join(""), plain.response);
  assertEquals(all.at(-1)!.finish_reason, "length");
});

/** A chat completion that was rewound while it ran; null if it had ended before. */
async function rewoundList(server: Server): Promise<unknown[] | null> {
  const schema = { type: "array", items: { type: "integer" }, minItems: 90, maxItems: 90 };
  const response = await fetch(server.url("/v1/chat/completions"), {
    method: "POST",
    body: JSON.stringify({
      messages: [{ role: "user", content: "Count from 1 to 40." }],
      temperature: 0,
      stream: true,
      response_format: { type: "json_schema", json_schema: { name: "list", schema } },
    }),
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("\n\n").length < 8) text += (await reader.read()).value;
  const [, id] = /"id":"(chatcmpl-[^"]+)"/.exec(text)!;
  const control = await fetch(server.url(`/api/generate/${id}/control`), {
    method: "POST",
    body: JSON.stringify({ rewind: 3 }),
  });
  await control.body?.cancel();
  for (let read; !(read = await reader.read()).done;) text += read.value;
  if (control.status !== 200) return null;
  let content = "";
  for (const data of text.split("\n\n").map((event) => event.slice("data: ".length))) {
    if (!data.startsWith("{")) continue;
    const { choices, rewind } = JSON.parse(data);
    if (rewind !== undefined) content = rewind.message.content;
    content += choices[0]?.delta.content ?? "";
  }
  return JSON.parse(content);
}

Deno.test("a chat completion with a schema keeps to it after a rewind", async () => {
  await using running = await serve();
  let list: unknown[] | null = null;
  for (let attempt = 0; list === null && attempt < 20; attempt++) {
    list = await rewoundList(running.server);
  }
  assertEquals(list?.length, 90);
  assert(list!.every(Number.isInteger));
});
