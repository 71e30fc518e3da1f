/** Receipts of a real server, verified on the command line. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { ensureSigningKey } from "../../src/access/signing_key.ts";
import { requestDigest } from "../../src/receipts/canonical.ts";
import { type Receipt, signReceipt } from "../../src/receipts/receipt.ts";
import { Machine, Server } from "../cli/machine.ts";
import { TINY_F16 } from "../support/engine.ts";
import { save } from "./saved_answer.ts";

const ASK = {
  messages: [{ role: "user", content: "Tell me a story about a fox." }],
  max_tokens: 30,
};

/** The files of a folder and their times. */
async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) files.push(...await filesIn(path));
    else files.push(`${path} ${(await Deno.stat(path)).mtime?.toISOString()}`);
  }
  return files.sort();
}

/** Signs a changed receipt with the machine's own key. */
async function forge(machine: Machine, receipt: Receipt, changes: Partial<Receipt>) {
  const folder = (await machine.run(["keys", "init"])).stdout.trim();
  const { key: _, signature: __, ...claims } = { ...receipt, ...changes };
  return await signReceipt(claims, await ensureSigningKey(folder));
}

Deno.test("greedy and seeded answers of all dialects are verified as identical", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const chat = { ...ASK, receipt: true };
  const requests: [string, Record<string, unknown>][] = [
    ["/v1/chat/completions", { ...chat, temperature: 0 }],
    ["/v1/chat/completions", { ...chat, temperature: 1.2, seed: 3, stream: true }],
    ["/v1/chat/completions", { ...chat, temperature: 1.2, n: 2 }],
    ["/v1/messages", { ...chat, model: "shimmy-tiny", stream: true }],
    ["/api/chat", { model: "shimmy-tiny", messages: ASK.messages, receipt: true }],
    ["/api/generate", { prompt: "What is the capital of France?", receipt: true, stream: true }],
    ["/v1/responses", { input: "What is the capital of France?", receipt: true, store: false }],
  ];
  // All at once: the answers share batches, and each is verified alone.
  const saved = await Promise.all(
    requests.map(([path, body]) => save(machine, server, path, body)),
  );
  server.kill("SIGKILL");
  for (const [index, { request, response }] of saved.entries()) {
    const { code, stdout, stderr } = await machine.run(["verify", response, request]);
    assertMatch(stdout, /^identical: \d+ tokens\n/, `${requests[index]![0]} ${stdout}${stderr}`);
    assertEquals(code, 0);
    assertStringIncludes(stderr, "The signature is right for this machine's key");
  }
});

Deno.test("a changed receipt, another request and another answer are told apart", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const body = { ...ASK, temperature: 0, receipt: true };
  const { request, text } = await save(machine, server, "/v1/chat/completions", body);
  server.kill("SIGKILL");
  const whole = JSON.parse(text) as {
    receipt: Receipt;
    choices: [{ message: { content: string } }];
  };
  const { receipt } = whole;
  const verify = async (value: unknown, ...args: string[]) => {
    const path = join(machine.home, "receipt.json");
    await Deno.writeTextFile(path, JSON.stringify(value));
    return await machine.run(["verify", path, request, ...args]);
  };
  const forged = await verify({ ...receipt, shimmy: "9" });
  assertEquals(forged.code, 1);
  assertStringIncludes(forged.stderr, "The signature is wrong");
  const foreign = await verify(receipt, "--public-key", "A".repeat(43));
  assertStringIncludes(foreign.stderr, "The signature is wrong for the given public key");

  const message = { content: `${whole.choices[0].message.content} The end` };
  const retold = await verify({ ...whole, choices: [{ index: 0, message }] });
  assertEquals(retold.code, 1);
  assertMatch(retold.stdout, /^other text: .* "\s*The end" in place of the end\n/);

  const tokens = [...receipt.answer.tokens];
  tokens[4] = tokens[4]! + 1;
  const answer = { ...receipt.answer, tokens };
  const differs = await verify(await forge(machine, receipt, { answer }));
  assertEquals(differs.code, 1);
  assertMatch(differs.stdout, /^differs at token 4: ".*" \(\d+, log probability -[\d.]+\) in the /);
  const [, gap] = /; gap ([\d.]+)\n/.exec(differs.stdout)!;
  // Greedy sampling takes the likeliest token.
  assert(Number(gap) > 0);
  const cut = { ...receipt.answer, tokens: tokens.slice(0, 4) };
  const shorter = await verify(await forge(machine, receipt, { answer: cut }), "--json");
  const [{ result, at, expected }] = JSON.parse(shorter.stdout);
  assertEquals([result, at, expected], ["differs", 4, null]);

  const other = await verify(receipt, "--model", TINY_F16);
  assertEquals(other.code, 1);
  assertMatch(other.stdout, /^not comparable:\n[^]*the model's files: [0-9a-f]{64} in the receipt/);
  const steered = await verify(await forge(machine, receipt, { steered: true }));
  assertStringIncludes(steered.stdout, "steered or stopped");
  const ended = { ...receipt.answer, finish_reason: "stop" };
  const otherEnd = await verify(await forge(machine, receipt, { answer: ended }));
  assertStringIncludes(otherEnd.stdout, "other end: the tokens are identical, but the answer ends");
  const prompt = { ...receipt.prompt, sha256: "0".repeat(64) };
  const rendered = await verify(await forge(machine, receipt, { prompt }));
  assertStringIncludes(rendered.stdout, "not comparable:\n  the prompt differs");
});

Deno.test("another machine verifies with the public key of the server", async () => {
  await using machine = await Machine.start();
  await using other = await Machine.start();
  await using server = await Server.start(machine);
  const body = { ...ASK, temperature: 1, receipt: true };
  const { request, response } = await save(machine, server, "/v1/chat/completions", body);
  const { public_key: key } = await (await fetch(server.url("/api/receipts/key"))).json();
  assertEquals((await machine.run(["keys", "public"])).stdout.trim(), key);
  // The signing key alone requires no keys of clients.
  const open = await fetch(server.url("/v1/models"));
  await open.body?.cancel();
  assertEquals(open.status, 200);
  server.kill("SIGKILL");
  const unknown = await other.run(["verify", response, request]);
  assertStringIncludes(unknown.stderr, "which is not known here");
  const known = await other.run(["verify", response, request, "--public-key", key]);
  assertEquals([known.code, known.stdout.startsWith("identical")], [0, true]);
  assertStringIncludes(known.stderr, "The signature is right for the given public key");
});

Deno.test("a receipt that a stranger has signed reaches routes with answers only, and no session", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const session = { ...ASK, temperature: 0, session: "mine" };
  await save(machine, server, "/v1/chat/completions", session);
  const body = { ...session, receipt: true };
  const { text } = await save(machine, server, "/v1/chat/completions", body);
  server.kill("SIGKILL");
  const sessions = () => filesIn(join(machine.home, ".cache", "shimmy", "sessions"));
  const before = await sessions();
  assert(before.length > 0);
  const { receipt } = JSON.parse(text) as { receipt: Receipt };
  const verify = async (changes: Partial<Receipt>, request: Record<string, unknown>) => {
    const path = join(machine.home, "stranger.json");
    const claims = { ...changes, request_sha256: await requestDigest(request) };
    const response = { receipt: await forge(machine, receipt, claims) };
    await Deno.writeTextFile(path, JSON.stringify({ request, response }));
    return await machine.run(["verify", path]);
  };
  const cache = { ...receipt.cache, session: false };
  const saving = await verify({ cache, route: "/slots/0?action=save" }, { filename: "theirs" });
  assertEquals(saving.code, 1);
  assertStringIncludes(saving.stderr, "route of the receipt: must be a route with answers");
  const { context } = receipt;
  const large = await verify({ cache, context: { ...context, batch_size: 2 ** 40 } }, body);
  assertStringIncludes(large.stderr, "context.batch_size of the receipt: must be a whole number");
  const identical = await verify({ cache }, body);
  assertStringIncludes(identical.stdout, "identical");
  assertEquals(await sessions(), before);
});
