import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { join } from "node:path";
import { Client, listen } from "../../../tests/doubles/listening.ts";
import { readEvents, serverDouble } from "../../../tests/doubles/server.ts";
import { pattern, png } from "../../../tests/support/pictures.ts";
import type { ModelInfo } from "../../engine/protocol/mod.ts";
import {
  createIssuer,
  FileDigests,
  isReceipt,
  isSignatureValid,
  type Receipt,
  type ReceiptIssuer,
  requestDigest,
} from "../../receipts/mod.ts";
import { StreamedReceipts } from "./streamed.ts";

/** An issuer in a folder of its own. The double's model has no file. */
async function issuing() {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "double.gguf");
  await Deno.writeTextFile(path, "GGUF");
  const digests = new FileDigests(null, () => Promise.resolve("00"));
  const versions = { shimmy: "1.2.3", libllama: "4.5.6" };
  const receipts = createIssuer({ folder, digests, versions });
  return {
    receipts,
    entry: { paths: [path] },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function double(
  { receipts, entry }: { receipts: ReceiptIssuer; entry: { paths: string[] } },
  info: Partial<ModelInfo> = {},
) {
  return serverDouble({ entry, engine: { info }, context: { receipts } });
}

const MESSAGES = [{ role: "user", content: "Hi" }];

/** A request of each dialect. */
const REQUESTS: readonly (readonly [path: string, body: Record<string, unknown>])[] = [
  ["/v1/chat/completions", { model: "double", messages: MESSAGES }],
  ["/v1/completions", { model: "double", prompt: "Hi" }],
  ["/v1/responses", { model: "double", input: "Hi" }],
  ["/v1/messages", { model: "double", messages: MESSAGES, max_tokens: 9 }],
  ["/api/chat", { model: "double", messages: MESSAGES }],
  ["/ollama/api/generate", { model: "double", prompt: "Hi" }],
  ["/api/generate", { model: "double", prompt: "Hi" }],
  ["/completion", { model: "double", prompt: "Hi" }],
];

Deno.test("every dialect returns a signed receipt with the whole answer", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  for (const [path, body] of REQUESTS) {
    const response = await server.request(path, { ...body, stream: false, receipt: true });
    const { receipt } = await response.json();
    assert(isReceipt(receipt), path);
    assert(await isSignatureValid(receipt), path);
    assertEquals([receipt.route, receipt.model], [path, { name: "double", sha256: ["00"] }]);
    assertEquals(receipt.request_sha256, await requestDigest(body));
    assertEquals(receipt.answer.tokens, ["Hello", " world"].map((text) => text.codePointAt(0)!));
    assertEquals([receipt.shimmy, receipt.libllama], ["1.2.3", "4.5.6"]);
    assertEquals(receipt.sampling.seed, 7);
  }
});

Deno.test("a stream of every dialect ends with the receipt", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  for (const [path, body] of REQUESTS) {
    const response = await server.request(path, { ...body, stream: true, receipt: true });
    const text = await response.text();
    const lines = text.split("\n").filter((line) => line.includes('"receipt":{"version":1'));
    assertEquals(lines.length, 1, `${path}: ${text}`);
    const value = JSON.parse(lines[0]!.replace("data: ", ""));
    assert(await isSignatureValid((value.receipt ?? value.response?.receipt) as Receipt), path);
    // Nothing but the mark of the end follows.
    const after = text.slice(text.indexOf(lines[0]!) + lines[0]!.length).trim();
    assertMatch(after, /^(data: \[DONE\])?$/, path);
  }
});

Deno.test("without a wish for a receipt, responses do not change", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  for (const wish of [{}, { receipt: false }, { receipt: null }]) {
    for (const [path, body] of REQUESTS) {
      const response = await server.request(path, { ...body, ...wish, stream: false });
      assertEquals([response.status, response.headers.get("x-shimmy-ignored")], [200, null]);
      assert(!("receipt" in await response.json()), path);
    }
  }
});

Deno.test("the header asks for a receipt too", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const [path, body] = REQUESTS[0]!;
  const response = await server.send("POST", path, body, { "x-shimmy-receipt": "1" });
  assert(isReceipt((await response.json()).receipt));
});

Deno.test("several choices have several receipts, in their order", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const [path, body] = REQUESTS[0]!;
  const response = await server.request(path, { ...body, n: 3, receipt: true });
  const { receipts } = await response.json();
  assertEquals(receipts.length, 3);
  assert(receipts.every(isReceipt));
});

Deno.test("each completion of a list has its receipt", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const body = { model: "double", prompt: ["Hi", "Ho"], receipt: true };
  const answers = await (await server.request("/completion", body)).json();
  assertEquals(answers.map((one: { content: string }) => one.content).length, 2);
  assert(answers.every((one: { receipt: unknown }) => isReceipt(one.receipt)));
  const stream = await server.request("/completion", { ...body, stream: true });
  const last = (await readEvents(stream)).at(-1)!;
  assertEquals(last.event, "receipt");
  const { receipts } = JSON.parse(last.data);
  assertEquals(receipts.length, 2);
  assert(receipts.every(isReceipt));
});

Deno.test("a WebSocket sends the receipt with done", async () => {
  await using issuer = await issuing();
  await using server = listen({}, {}, { receipts: issuer.receipts });
  await using client = await new Client(server.port).open();
  client.send({ prompt: "Hi", receipt: true });
  const done = JSON.parse((await client.answer()).at(-1)!);
  // The double's file does not exist: the answer comes nevertheless.
  assertEquals(done.receipt, { error: "A file of the model cannot be read" });
  client.send({ prompt: "Hi" });
  assert(!("receipt" in JSON.parse((await client.answer()).at(-1)!)));
});

Deno.test("a server without receipts and other values are refused by name", async () => {
  const server = serverDouble();
  const [path, body] = REQUESTS[0]!;
  const refused = await server.request(path, { ...body, receipt: true });
  const { error } = await refused.json();
  assertEquals([refused.status, error.param], [400, "receipt"]);
  assertEquals(error.message, "receipt: this server makes no receipts");
  const wrong = await server.request("/api/generate", { prompt: "Hi", receipt: "yes" });
  assertEquals((await wrong.json()).error, "receipt: must be true or false");
  assertEquals((await server.request("/api/receipts/key")).status, 404);
});

Deno.test("routes without answers do not take the field", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const response = await server.request("/v1/embeddings", { input: "Hi", receipt: true });
  assertEquals(response.headers.get("x-shimmy-ignored"), "receipt");
  await response.body?.cancel();
});

Deno.test("the public key is at a route", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const { id, algorithm, public_key } = await (await server.request("/api/receipts/key")).json();
  assertEquals(algorithm, "Ed25519");
  const [path, body] = REQUESTS[0]!;
  const { receipt } = await (await server.request(path, { ...body, receipt: true })).json();
  assertEquals(receipt.key, { id, public_key });
});

Deno.test("a failed answer has no receipt", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const response = await server.request("/v1/chat/completions", { messages: [], receipt: true });
  assertEquals(response.status, 400);
  assert(!("receipt" in await response.json()));
});

Deno.test("a stream may be cut anywhere on its way", async () => {
  const events = 'data: {"object":"chunk","id":"ü"}\n\ndata: {"text":"\\"done\\":true"}\n\n' +
    "data: [DONE]\n\n";
  const bytes = new TextEncoder().encode(events);
  for (const size of [1, 3, bytes.length]) {
    const streamed = new StreamedReceipts(() => Promise.resolve({ receipt: 1 }));
    let text = "";
    for (let at = 0; at < bytes.length; at += size) {
      text += new TextDecoder().decode(await streamed.push(bytes.subarray(at, at + size)));
    }
    const chunk = 'data: {"object":"chunk","id":"ü","choices":[],"receipt":1}\n\n';
    const end = "data: [DONE]\n\n";
    assertEquals(text, events.replace(end, chunk + end));
  }
});

Deno.test("a client of server-sent events reads the stream with a receipt", async () => {
  await using issuer = await issuing();
  const server = double(issuer);
  const [path, body] = REQUESTS[0]!;
  const response = await server.request(path, { ...body, stream: true, receipt: true });
  const events = await readEvents(response);
  const chunk = JSON.parse(events.at(-2)!.data);
  assertEquals([chunk.object, chunk.choices], ["chat.completion.chunk", []]);
  assert(isReceipt(chunk.receipt));
  assertEquals(events.at(-1)!.data, "[DONE]");
});

Deno.test("a key that cannot be written fails the receipt, not the answer, and tells no path", async () => {
  await using issuer = await issuing();
  const digests = new FileDigests(null, () => Promise.resolve("00"));
  const versions = { shimmy: "1", libllama: "2" };
  // A file in place of the folder.
  const folder = join(issuer.entry.paths[0]!, "keys");
  const receipts = createIssuer({ folder, digests, versions });
  const server = double({ ...issuer, receipts });
  const [path, body] = REQUESTS[0]!;
  const response = await server.request(path, { ...body, receipt: true });
  const { choices, receipt } = await response.json();
  assertEquals(choices[0].message.content, "Hello world");
  assertEquals(receipt, { error: "The receipt could not be made" });
});

Deno.test("a model whose file was replaced after the load has no receipts", async () => {
  await using issuer = await issuing();
  const [path] = issuer.entry.paths;
  const { size, mtime } = await Deno.stat(path!);
  const server = double(issuer, { files: [{ size, modified: mtime!.getTime() }] });
  const [route, body] = REQUESTS[0]!;
  const ask = async () =>
    (await (await server.request(route, { ...body, receipt: true })).json()).receipt;
  assert(isReceipt(await ask()));
  await Deno.writeTextFile(path!, "GGUF with other weights");
  assertEquals(await ask(), {
    error: "A file of the model has changed since it was loaded; unload the model",
  });
});

Deno.test("a replaced projector leaves answers about images without receipts, and no others", async () => {
  await using issuer = await issuing();
  const [path] = issuer.entry.paths;
  const projector = `${path}.mmproj`;
  await Deno.writeTextFile(projector, "GGUF");
  const { size, mtime } = await Deno.stat(projector);
  const info = {
    media: { vision: true, audio: false, refusal: null },
    projectorFile: { size, modified: mtime!.getTime() },
  };
  const { receipts, entry } = issuer;
  const server = serverDouble({
    entry: { ...entry, projector },
    engine: { info },
    context: { receipts },
  });
  const image = encodeBase64(png(4, 4, pattern(1)));
  const ask = async (...images: string[]) => {
    const messages = [{ role: "user", content: "Hi", images }];
    const body = { model: "double", messages, stream: false, receipt: true };
    return (await (await server.request("/api/generate", body)).json()).receipt;
  };
  const receipt = await ask(image);
  assert(isReceipt(receipt));
  assertEquals(receipt.model.projector, "00");
  await Deno.writeTextFile(projector, "GGUF with other weights");
  assertEquals(await ask(image), {
    error: "A file of the model has changed since it was loaded; unload the model",
  });
  assert(isReceipt(await ask()));
});
