/** Templates, schemas and grammars that ask for too much: refused, and the server answers others meanwhile. */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";
import { BODIES, GRAMMARS, SCHEMAS, TEMPLATES, writeModel } from "./inputs.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const CHAT = "/v1/chat/completions";

interface Refusal {
  readonly status: number;
  readonly text: string;
  /** Answers of `/health` while the request ran. */
  readonly healthy: number;
}

/** Statuses of hostile bodies: what is too large, and what is wrong or does not fit. */
const TOO_LARGE = 413;
const WRONG = 400;

/** Sends a request, and asks for the health of the server until it is answered. */
async function send(
  server: Server,
  path: string,
  body: unknown,
  type = "application/json",
): Promise<Refusal> {
  let isDone = false;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answered = fetch(server.url(path), {
    method: "POST",
    body: text,
    headers: { "content-type": type },
  })
    .then(async (response) => ({ status: response.status, text: await response.text() }))
    .finally(() => isDone = true);
  let healthy = 0;
  while (!isDone) {
    assertEquals(await (await fetch(server.url("/health"))).json(), { status: "ok" });
    healthy++;
  }
  return { ...await answered, healthy };
}

/** Asserts that a request was refused for what it asks, and names this. */
function assertRefused({ status, text, healthy }: Refusal, named: string): void {
  assertEquals(status, 400, text);
  assertStringIncludes(text, named);
  assertGreater(healthy, 0);
}

async function assertAnswers(server: Server): Promise<void> {
  const prompt = "What is the capital of France?";
  const answer = await (await server.generate({ model: "shimmy-tiny", prompt, temperature: 0 }))
    .json();
  assertEquals(answer.response, "The capital of France is Paris.");
}

Deno.test("hostile templates are refused by name, also again, and others are answered", async (test) => {
  await using machine = await Machine.start();
  const folder = join(machine.home, "models");
  await Deno.mkdir(folder);
  for (const [index, template] of Object.values(TEMPLATES).entries()) {
    await writeModel(join(folder, `hostile-${index}.gguf`), template);
  }
  await using server = await Server.start(machine);
  for (const [index, name] of Object.keys(TEMPLATES).entries()) {
    await test.step(name, async () => {
      const body = { model: `hostile-${index}`, messages: MESSAGES, max_tokens: 1 };
      const [first, second] = [await send(server, CHAT, body), await send(server, CHAT, body)];
      assertRefused(first, "chat template");
      assertEquals([second.status, second.text], [first.status, first.text]);
      // A template that does not use the messages renders no other conversation either.
      const count = await send(server, "/v1/messages/count_tokens", {
        model: `hostile-${index}`,
        messages: MESSAGES,
      });
      assertRefused(count, "chat template");
    });
  }
  await assertAnswers(server);
  const stopped = fetch(server.url(CHAT), {
    method: "POST",
    body: JSON.stringify({ model: "hostile-0", messages: MESSAGES }),
  }).then((response) => response.body?.cancel(), () => {});
  server.kill("SIGTERM");
  await server.ended();
  await stopped;
});

Deno.test("hostile schemas are compiled or refused by name, and others are answered", async (test) => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    await test.step(name, async () => {
      const answered = await send(server, CHAT, {
        messages: MESSAGES,
        max_tokens: 1,
        response_format: { type: "json_schema", json_schema: { name: "x", schema } },
      });
      if (name === "2,000 properties") assertEquals(answered.status, 200, answered.text);
      else assertRefused(answered, "response_format");
    });
  }
  await assertAnswers(server);
});

Deno.test("hostile grammars are refused by name, and others are answered", async (test) => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  for (const [name, grammar] of Object.entries(GRAMMARS)) {
    await test.step(name, async () => {
      const body = { prompt: "Hi", max_tokens: 1, grammar };
      assertRefused(await send(server, "/api/generate", body), "grammar");
    });
  }
  await assertAnswers(server);
});

Deno.test("hostile bodies are refused, and others are answered", async (test) => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  await assertAnswers(server);
  for (const [name, body] of Object.entries(BODIES)) {
    await test.step(name, async () => {
      const { status, text, healthy } = await send(server, body.path, body.text(), body.type);
      assertEquals(status, name === "10 million values" ? TOO_LARGE : WRONG, text);
      assertGreater(healthy, 0);
    });
  }
  await assertAnswers(server);
});
