/** Steering of answers over HTTP, with an engine double. */
import { assertEquals, assertMatch } from "@std/assert";
import type { EngineDoubleOptions } from "../../tests/doubles/engine.ts";
import { type Frame, FrameReader } from "../../tests/doubles/frames.ts";
import { KeysDouble } from "../../tests/doubles/keys.ts";
import { readEvents, type ServerDouble, serverDouble } from "../../tests/doubles/server.ts";
import { until } from "../../tests/doubles/context.ts";
import type { AccessRecord } from "./http/usage.ts";

const LETTERS = ["a", "b", "c", "d", "e", "f", "g", "h"];
/** Tokens that come before an answer waits for `open`. */
const FREE = 6;

/** An engine whose answers have eight letters, and wait after six of them until `open` is called. */
function waiting(): { readonly engine: EngineDoubleOptions; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const engine = {
    script: { tokens: LETTERS },
    beforeToken: (index: number) => index < FREE ? undefined : promise,
  };
  return { engine, open: resolve };
}

const NDJSON = { prompt: "Hi", stream_format: "ndjson" };

async function begin(server: ServerDouble, body: Frame = {}) {
  const response = await server.request("/api/generate", { ...NDJSON, ...body });
  const id = response.headers.get("x-shimmy-answer")!;
  return { id, frames: new FrameReader(response) };
}

function control(server: ServerDouble, id: string, body: Frame, headers = {}) {
  return server.send("POST", `/api/generate/${id}/control`, body, headers);
}

/** The texts of token frames. */
const textOf = (frames: readonly Frame[]) => frames.map(({ token = "" }) => token).join("");

Deno.test("each token has a frame with its index and id, and alternatives if asked", async () => {
  const server = serverDouble({ engine: { script: { tokens: ["a", "bc"] } } });
  const { id, frames } = await begin(server, { alternatives: 2, stop: "cd" });
  const [a, bc, rest, done] = await frames.rest();
  const alternatives = (token: string, code: number) =>
    [0, 1].map((rank) => ({ id: code + rank, token, logprob: -0.5 - rank }));
  const first = {
    token: "a",
    index: 0,
    id: 97,
    logprob: -0.5,
    alternatives: alternatives("a", 97),
  };
  assertEquals(a, { ...first, answer: id });
  assertEquals([bc!.token, bc!.index, bc!.id], ["b", 1, 98]);
  assertEquals(rest, { token: "c", index: 2 });
  assertEquals([done!.done, done!.answer], [true, id]);
});

Deno.test("alternatives need a stream of frames", async () => {
  const server = serverDouble();
  const response = await server.request("/api/generate", { prompt: "Hi", alternatives: 2 });
  assertEquals(response.status, 400);
  assertEquals(await response.json(), {
    error: "alternatives: requires a stream with the format json or ndjson",
  });
});

Deno.test("a control rewinds an answer and inserts text, which the stream tells", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  assertMatch(id, /^gen-[0-9a-f]{32}$/);
  await frames.take(FREE);
  const response = await control(server, id, { rewind: 2, insert: "XY", temperature: 0 });
  assertEquals(await response.json(), { id, tokens: 4 });
  assertEquals(server.engine.edits, [{ keep: 2, text: "XY", sampling: { temperature: 0 } }]);
  open();
  const rest = await frames.rest();
  assertEquals(rest.slice(0, 4), [
    { rewind: 2 },
    { token: "X", index: 2, id: 88, inserted: true },
    { token: "Y", index: 3, id: 89, inserted: true },
    { token: "e", index: 4, id: 101 },
  ]);
  assertEquals(textOf(rest), "XYefgh");
  assertEquals((rest.at(-1)!.usage as Frame).completion_tokens, 8);
});

Deno.test("controls that cannot be applied have their status, and the answer goes on", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(FREE);
  const refused = async (body: Frame, to = id) => {
    const response = await control(server, to, body);
    return [response.status, (await response.json()).error];
  };
  assertEquals(await refused({ rewind: 7 }), [400, "rewind: must be from 0 to 6, not 7"]);
  assertEquals(await refused({ insert: "a", token: 1 }), [
    400,
    "token: cannot be used with insert: choose one",
  ]);
  assertEquals(await refused({ n: 2 }), [400, "n: requires fork"]);
  assertEquals(await refused({ fork: 1, rewind: 1 }), [
    400,
    "fork: can be used with n and sampling fields only",
  ]);
  assertEquals(await refused({ fork: 9 }), [400, "fork: must be from 0 to 6, not 9"]);
  assertEquals(await refused({ keep: "x" }), [
    400,
    "keep: 'x' is not an answer of this request",
  ]);
  assertEquals((await refused({ pause: true }, "gen-unknown"))[0], 404);
  open();
  assertEquals(textOf(await frames.rest()), "gh");
  assertEquals(await refused({ rewind: 1 }), [409, "The answer has ended"]);
});

Deno.test("a control with null for absent fields is the control without them", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(FREE);
  const none = { stop: null, pause: null, resume: null, phase: null, grammar: null, keep: null };
  assertEquals((await control(server, id, { ...none, rewind: 5 })).status, 200);
  open();
  assertEquals(textOf(await frames.rest()), "fgh");
});

Deno.test("an inserted text that would hold up the engine is refused", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(FREE);
  const response = await control(server, id, { insert: "x".repeat(16_385) });
  assertEquals(response.status, 400);
  assertEquals(await response.json(), { error: "insert: must have at most 16384 characters" });
  open();
  assertEquals(textOf(await frames.rest()), "gh");
});

Deno.test("a stream of texts tells of rewinds and forks by events with names", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const response = await server.request("/api/generate", { prompt: "Hi", stream: true });
  const id = response.headers.get("x-shimmy-answer")!;
  // It is refused as long as there are fewer tokens.
  while ((await control(server, id, { rewind: FREE })).status !== 200);
  await control(server, id, { rewind: 2, insert: "XY" });
  const fork = `${id}-1`;
  assertEquals(await (await control(server, id, { fork: 1 })).json(), { id, forks: [fork] });
  await control(server, fork, { rewind: 0, insert: "Z" });
  open();
  const events = await readEvents(response);
  const plain = events.filter(({ event }) => event === undefined).map(({ data }) => data);
  assertEquals(plain, ["a", "b", "c", "d", "e", "f", "X", "Y", "e", "f", "g", "h", "[DONE]"]);
  const named = events.filter(({ event }) => event !== undefined && event !== fork)
    .map(({ event, data }) => [event, JSON.parse(data)]);
  const ends = named.filter(([name]) => name === "done").map(([, { answer }]) => answer);
  assertEquals(new Set(ends), new Set([id, fork]));
  assertEquals(named.slice(0, -2), [
    ["rewind", { rewind: 2, text: "ab" }],
    ["forked", { forked: 1, answers: [fork], text: "a" }],
    ["rewind", { rewind: 0, text: "", answer: fork }],
  ]);
  const texts = events.filter(({ event }) => event === fork).map(({ data }) => data);
  assertEquals(texts.slice(texts.indexOf("Z")).join(""), "Zbcdefgh");
});

Deno.test("alternatives are refused for a stream of texts, also for a detached one", async () => {
  const server = serverDouble();
  const body = { prompt: "Hi", stream: true, detach: true, alternatives: 2 };
  assertEquals((await server.request("/api/generate", body)).status, 400);
});

Deno.test("forks begin with the tokens of an answer, and one of the answers is kept", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server, { seed: 5 });
  await frames.take(FREE);
  const made = await control(server, id, { fork: 4, n: 2, temperature: 1 });
  const forks = [`${id}-1`, `${id}-2`];
  assertEquals(await made.json(), { id, forks });
  const [forked] = await frames.take(1);
  assertEquals(forked, { forked: 4, answers: forks });
  const [, ...requests] = server.engine.requests;
  const tokens = ["a", "b", "c", "d"].map((letter) => letter.codePointAt(0)!);
  const begun = { isReported: false, tokens };
  assertEquals(requests.map((request) => request.begun), [begun, begun]);
  assertEquals(requests.map(({ sampling }) => [sampling.seed, sampling.temperature]), [
    [6, 1],
    [7, 1],
  ]);
  assertEquals(await (await control(server, id, { keep: forks[1]! })).json(), { id });
  open();
  const rest = await frames.rest();
  const ends = rest.filter(({ done }) => done).map((end) => [end.answer, end.finish_reason]);
  assertEquals(
    new Map(ends as [string, string][]),
    new Map([
      [id, "cancelled"],
      [forks[0]!, "cancelled"],
      [forks[1]!, "stop"],
    ]),
  );
  const kept = rest.filter(({ answer, token }) => answer === forks[1] && token !== undefined);
  assertEquals(kept.map(({ token, index }) => [token, index]), [
    ["e", 4],
    ["f", 5],
    ["g", 6],
    ["h", 7],
  ]);
});

Deno.test("a fork can be controlled by its id, and too many are refused", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const { id, frames } = await begin(server);
  await frames.take(FREE);
  for (let round = 0; round < 2; round++) await control(server, id, { fork: 1, n: 8 });
  const { status } = await control(server, id, { fork: 1 });
  assertEquals(status, 400);
  const response = await control(server, `${id}-16`, { rewind: 0, insert: "Z" });
  assertEquals(await response.json(), { id: `${id}-16`, tokens: 1 });
  assertEquals((await control(server, `${id}-17`, { stop: true })).status, 404);
  open();
  assertEquals((await frames.rest()).filter(({ done }) => done).length, 17);
});

Deno.test("answers of another key are not found", async () => {
  await using keys = await KeysDouble.create();
  const { engine, open } = waiting();
  const { keyring } = keys;
  const server = serverDouble({ engine, settings: { apiKey: "all" }, context: { keyring } });
  const [own, other, weak] = [
    await keys.issue(),
    await keys.issue(),
    await keys.issue({ scopes: ["embed"] }),
  ];
  await keyring.reload();
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const response = await server.send("POST", "/api/generate", NDJSON, bearer(own.token));
  const id = response.headers.get("x-shimmy-answer")!;
  const frames = new FrameReader(response);
  await frames.take(FREE);
  const statuses = async (headers: Record<string, string>) => {
    const controlled = await control(server, id, { temperature: 1 }, headers);
    const path = `/api/generate/${id}/stream`;
    const resumed = await server.send("GET", path, undefined, headers);
    await resumed.body?.cancel();
    return [controlled.status, resumed.status];
  };
  assertEquals(await statuses(bearer(other.token)), [404, 404]);
  assertEquals(await statuses(bearer(weak.token)), [403, 403]);
  assertEquals(await statuses({}), [401, 401]);
  assertEquals(await statuses(bearer(own.token)), [200, 200]);
  assertEquals(await statuses(bearer("all")), [200, 200]);
  open();
  assertEquals(textOf(await frames.rest()), "gh");
});

Deno.test("a chat completion tells of rewinds and forks by chunks", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const messages = [{ role: "user", content: "Hi" }];
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const body = { messages, stream: true, stream_options };
  const response = await server.request("/v1/chat/completions", body);
  await until(() => server.engine.requests.length === 1);
  const copies = response.body!.tee();
  const [first] = await new Response(copies[0]).body!.getReader().read().then(({ value }) =>
    new TextDecoder().decode(value).split("\n\n").map((event) => event.replace(/^data: /, ""))
  );
  const { id } = JSON.parse(first!);
  assertEquals((await control(server, id, { rewind: 2, insert: "X" })).status, 200);
  assertEquals(await (await control(server, id, { fork: 1 })).json(), { id, forks: [`${id}-1`] });
  open();
  const chunks = (await readEvents(new Response(copies[1]))).map(({ data }) => data)
    .filter((data) => data !== "[DONE]").map((data) => JSON.parse(data));
  const rewound = chunks.findIndex(({ rewind }) => rewind !== undefined);
  const { rewind, choices, usage } = chunks[rewound];
  assertEquals(rewind, { index: 2, message: { role: "assistant", content: "ab" } });
  assertEquals([choices[0].index, usage.completion_tokens], [0, 2]);
  const forked = chunks.find(({ fork }) => fork !== undefined);
  assertEquals(forked.fork, { choice: 0, index: 1, message: { role: "assistant", content: "a" } });
  assertEquals(forked.choices[0].index, 1);
  const text = (index: number, from: number) =>
    chunks.slice(from).flatMap((chunk) => chunk.choices)
      .filter((choice) => choice.index === index)
      .map((choice) => choice.delta.content ?? "").join("");
  assertEquals(text(0, rewound), "Xdefgh");
  assertEquals(text(1, 0), "bcdefgh");
});

Deno.test("choices of a chat completion are controlled by their number", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const messages = [{ role: "user", content: "Hi" }];
  const response = await server.request("/v1/chat/completions", { messages, stream: true, n: 2 });
  await until(() => server.engine.requests.length === 2);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while ((text.match(/"f"/g) ?? []).length < 2) text += (await reader.read()).value;
  const { id } = JSON.parse(text.slice("data: ".length, text.indexOf("\n\n")));
  assertEquals((await control(server, `${id}-1`, { rewind: 1, insert: "Z" })).status, 200);
  open();
  for (let done = false; !done;) {
    const read = await reader.read();
    done = read.done;
    text += read.value ?? "";
  }
  const chunks = text.split("\n\n").filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice("data: ".length)));
  const last = (index: number) => {
    const own = chunks.filter(({ choices }) => choices[0].index === index);
    const start = own.findLastIndex(({ rewind }) => rewind !== undefined);
    const kept = start < 0 ? "" : own[start].rewind.message.content;
    return kept +
      own.slice(Math.max(0, start)).map((chunk) => chunk.choices[0].delta.content ?? "").join("");
  };
  assertEquals([last(0), last(1)], ["abcdefgh", "aZcdefgh"]);
});

Deno.test("a message tells of rewinds by an event, and refuses forks", async () => {
  const { engine, open } = waiting();
  const server = serverDouble({ engine });
  const messages = [{ role: "user", content: "Hi" }];
  const body = { model: "double", max_tokens: 20, messages, stream: true };
  const response = await server.request("/v1/messages", body);
  const [one, two] = response.body!.tee();
  const { value } = await one.getReader().read();
  const [, id] = /"id":"(msg_\w+)"/.exec(new TextDecoder().decode(value))!;
  assertEquals((await control(server, id!, { fork: 1 })).status, 400);
  assertEquals((await control(server, id!, { rewind: 3, insert: "X" })).status, 200);
  open();
  const events = (await readEvents(new Response(two))).map(({ data }) => JSON.parse(data));
  const rewound = events.findIndex(({ type }) => type === "rewind");
  assertEquals(events[rewound], {
    type: "rewind",
    index: 3,
    content: [{ type: "text", text: "abc" }],
  });
  const text = events.slice(rewound).map(({ delta }) => delta?.text ?? "").join("");
  assertEquals(text, "Xefgh");
});

Deno.test("an answer begins with the tokens that its request has", async () => {
  const server = serverDouble({ engine: { script: { tokens: LETTERS } } });
  const begin = ["x", "y"].map((letter) => letter.codePointAt(0)!);
  const response = await server.request("/api/generate", { ...NDJSON, begin });
  const frames = await new FrameReader(response).rest();
  assertEquals(frames.slice(0, 3).map(({ token, index, inserted }) => [token, index, inserted]), [
    ["x", 0, true],
    ["y", 1, true],
    ["c", 2, undefined],
  ]);
  assertEquals((frames.at(-1)!.usage as Frame).completion_tokens, LETTERS.length);
});

Deno.test("a fork counts the tokens that it computes, and not its prompt again", async () => {
  const { engine, open } = waiting();
  const records: AccessRecord[] = [];
  const access = (record: AccessRecord) => void records.push(record);
  const server = serverDouble({ engine, context: { access } });
  const { id, frames } = await begin(server);
  await frames.take(FREE);
  const forked = await control(server, id, { fork: 5, n: 2 });
  assertEquals(forked.status, 200);
  open();
  const { usage } = (await frames.rest()).find(({ done }) => done)!;
  await until(() => records.some(({ route }) => route === "/api/generate"));
  const own = records.find(({ route }) => route === "/api/generate")!;
  // Eight tokens, and three of each fork.
  const { prompt_tokens: promptTokens } = usage as { readonly prompt_tokens: number };
  assertEquals([own.promptTokens, own.completionTokens], [promptTokens, 14]);
});

Deno.test("an answer that stays paused for too long ends, and its model may be unloaded", async () => {
  for (const detach of [false, true]) {
    const { engine, open } = waiting();
    const server = serverDouble({ engine, settings: { mostHeldMs: 5 } });
    const { id, frames } = await begin(server, { detach });
    assertEquals((await control(server, id, { pause: true })).status, 200);
    open();
    // The timer of the limit does not keep this process running.
    await until(() => server.engine.finished.length === 1);
    await frames.rest();
    await until(() => server.pool.leases === 0);
    assertEquals(server.engine.finished, ["cancelled"]);
  }
});
