/** Receipts of answers with adapters, drafts and sessions, verified on the command line. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import type { Receipt } from "../../src/receipts/receipt.ts";
import { Machine, Server } from "../cli/machine.ts";
import { buildControlVector, writeVectors } from "../models/control_vector.ts";
import { DRAFT, PIRATE_LORA, TINY_F16 } from "../support/engine.ts";
import { save, type SavedAnswer } from "./saved_answer.ts";

const MESSAGES = [{ role: "user", content: "Tell me a story about a fox." }];
const ASK = { messages: MESSAGES, max_tokens: 30, temperature: 1.1, receipt: true };
const CHAT = "/v1/chat/completions";

function receiptOf({ text }: SavedAnswer): Receipt {
  return JSON.parse(text).receipt;
}

/** Verifies with the machine's own key and settings. */
async function verify(machine: Machine, { response, request }: SavedAnswer, ...args: string[]) {
  const { code, stdout, stderr } = await machine.run(["verify", response, request, ...args]);
  assertStringIncludes(stderr, "The signature is right for this machine's key");
  return { code, stdout };
}

function assertIdentical({ code, stdout }: { code: number; stdout: string }): void {
  assertMatch(stdout, /^identical: \d+ tokens\n/);
  assertEquals(code, 0);
}

Deno.test("answers with adapters are verified with them, and without them not comparable", async () => {
  await using machine = await Machine.start();
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  await Deno.copyFile(TINY_F16, join(folder, "talker.gguf"));
  await Deno.copyFile(PIRATE_LORA, join(folder, "pirate.gguf"));
  const { swerve } = await writeVectors(folder);
  await using server = await Server.start(machine);
  const named = await save(machine, server, CHAT, { ...ASK, model: "talker:pirate" });
  const vector = await save(machine, server, CHAT, { ...ASK, model: "talker:swerve" });
  const scaled = await save(machine, server, "/api/generate", {
    model: "talker",
    prompt: "Tell me a story about a fox.",
    max_tokens: 30,
    lora: [{ name: "pirate", scale: 0.5 }],
    receipt: true,
  });
  // An adapter that the operator has loaded applies to requests that name none.
  const load = { model: "talker", name: "pirate" };
  const loaded = await fetch(server.url("/api/lora"), {
    method: "POST",
    body: JSON.stringify(load),
  });
  assertEquals(loaded.status, 200, await loaded.text());
  const applied = await save(machine, server, CHAT, { ...ASK, model: "talker" });
  server.kill("SIGKILL");
  const scales = [named, vector, scaled, applied].map((one) =>
    receiptOf(one).adapters.map(({ scale }) => scale)
  );
  assertEquals(scales, [[1], [1], [0.5], [1]]);

  assertIdentical(await verify(machine, named));
  assertIdentical(await verify(machine, vector));
  assertIdentical(await verify(machine, scaled));

  const without = await verify(machine, applied);
  assertEquals(without.code, 1);
  assertMatch(
    without.stdout,
    /^not comparable:\n {2}the answer differs at token \d+\n {2}adapters: [0-9a-f]{64}, 1 in the receipt, none now\n/,
  );
  await Deno.writeFile(swerve, buildControlVector({ seed: 3, layers: [2] }));
  const replaced = await verify(machine, vector);
  assertEquals(replaced.code, 1);
  assertMatch(
    replaced.stdout,
    /^not comparable:\n[^]*adapters: [0-9a-f]{64}, 1 in the receipt, [0-9a-f]{64}, 1 now/,
  );
});

Deno.test("answers with a draft model or with lookup are verified without the draft", async () => {
  await using machine = await Machine.start();
  const saved: SavedAnswer[] = [];
  // The repetition gives the lookup something to find.
  const repeating = { ...ASK, messages: [{ role: "user", content: "a fox, a fox, a fox, a fox" }] };
  for (const options of [["--draft", DRAFT, "--lookup", "off"], ["--lookup", "on"]]) {
    await using server = await Server.start(machine, ["--port", "0", ...options]);
    for (const temperature of [0, 1.1]) {
      saved.push(await save(machine, server, CHAT, { ...repeating, temperature }));
    }
  }
  const settings = saved.map((one) => {
    const { draft, lookup } = receiptOf(one).context;
    return [draft, lookup];
  });
  assertEquals(settings, [[true, false], [true, false], [false, true], [false, true]]);
  for (const one of saved) assertIdentical(await verify(machine, one));
  assertIdentical(await verify(machine, saved[0]!, "--draft", DRAFT));
});

Deno.test("an answer from a session, and one to a response that is gone, are not comparable", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const session = { prompt: "Tell me a story.", session: "mine", max_tokens: 10, receipt: true };
  await save(machine, server, "/api/generate", session);
  const continued = await save(machine, server, "/api/generate", { ...session, prompt: "Go on." });
  const first = await save(machine, server, "/v1/responses", { input: "Hello" });
  const next = await save(machine, server, "/v1/responses", {
    input: "Go on.",
    previous_response_id: JSON.parse(first.text).id,
    receipt: true,
  });
  server.kill("SIGKILL");
  const fromSession = await verify(machine, continued);
  assertEquals(fromSession.code, 1);
  assertEquals(
    fromSession.stdout,
    "not comparable:\n  the answer began with the state of a saved session\n",
  );
  const gone = await verify(machine, next);
  assertEquals(gone.code, 1);
  assertMatch(gone.stdout, /^not comparable:\n {2}the request is refused: .*previous_response_id/);
});
