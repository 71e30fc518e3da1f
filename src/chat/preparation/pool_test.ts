import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { TINY_TEMPLATE } from "../../../tests/doubles/tiny_template.ts";
import { chatInput } from "../../../tests/support/chat_request.ts";
import { ShimmyError } from "../../errors.ts";
import { parseJsonBytes } from "../../json_value.ts";
import type { Format } from "../conversation/mod.ts";
import { PreparationPool } from "./pool.ts";
import { inlinePreparer } from "./prepare.ts";

const TEXT: Format = { type: "text" };

const input = chatInput({
  messages: [{ role: "user", content: "Hi <|im_end|>" }],
  tools: [{
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  }],
});

/** Rendered until the budget of steps is spent. */
const ENDLESS =
  "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}";

function modelWith(chatTemplate: string) {
  return new EngineDouble({ info: { chatTemplate } }).info;
}

/** Counts the turns of this thread's event loop while a promise is pending. */
async function turnsDuring(promise: Promise<unknown>): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  await promise.catch(() => {});
  clearInterval(timer);
  return turns;
}

Deno.test("a request prepared in a thread is the same as one prepared here", async () => {
  using pool = new PreparationPool();
  const info = modelWith(TINY_TEMPLATE);
  const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  const formats: readonly Format[] = [
    TEXT,
    { type: "json_schema", schema },
    { type: "grammar", source: 'root ::= <[1]> | "a"' },
  ];
  for (const format of formats) {
    const [theirs, ours] = await Promise.all([
      pool.answer(info, input, format),
      inlinePreparer.answer(info, input, format),
    ]);
    assertEquals(theirs, ours);
  }
  assertEquals(await pool.prompt(info, input), await inlinePreparer.prompt(info, input));
  const text = { type: "text", text: "plain" } as const;
  assertEquals(await pool.prompt(info, text), [{ text: "plain", special: true }]);
  assertEquals((await pool.answer(info, text, TEXT)).chat, null);
});

Deno.test("a prompt without a template and a format needs no thread", async () => {
  // No thread starts within this time.
  using pool = new PreparationPool({ start: 1, template: 1, format: 1 });
  const info = modelWith(TINY_TEMPLATE);
  for (
    const plain of [{ type: "text", text: "plain" }, { type: "tokens", tokens: [1, 2] }] as const
  ) {
    assertEquals(
      await pool.answer(info, plain, TEXT),
      await inlinePreparer.answer(info, plain, TEXT),
    );
  }
  await assertRejects(() => pool.answer(info, input, TEXT), ShimmyError, "too busy");
});

Deno.test("tools are the same from a thread, also those whose schemas were mended", async () => {
  using pool = new PreparationPool();
  const info = modelWith(TINY_TEMPLATE);
  const properties = { city: { type: "string", required: true }, unit: null };
  const [tool] = input.tools;
  const tools = [tool!, { name: "broken", parameters: { type: "object", properties } }];
  for (const toolChoice of [{ type: "auto" }, { type: "none" }] as const) {
    const asked = { ...input, tools, toolChoice };
    const [theirs, ours] = await Promise.all([
      pool.answer(info, asked, TEXT),
      inlinePreparer.answer(info, asked, TEXT),
    ]);
    assertEquals(theirs, ours);
    assertEquals(theirs.chat!.tools[0] === tool, toolChoice.type === "auto");
  }
});

Deno.test("a JSON text parsed in a thread has the same value as one parsed here", async () => {
  using pool = new PreparationPool();
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  const text = '{"b":[1,-0,0.5,null],"__proto__":{"x":"\\u00e9\\n"},"a":"\u20ac"}';
  const theirs = await pool.json(bytesOf(text), "body");
  assertEquals(JSON.stringify(theirs), JSON.stringify(parseJsonBytes(bytesOf(text), "body")));
  assertEquals(Object.is((theirs as { b: number[] }).b[1], 0), true);
  for (const wrong of ["[1,", "[".repeat(600) + "]".repeat(600)]) {
    const there = await assertRejects(() => pool.json(bytesOf(wrong), "frame"), ShimmyError);
    const here = assertThrows(() => parseJsonBytes(bytesOf(wrong), "frame"), ShimmyError);
    assertEquals([there.message, there.field], [here.message, here.field]);
  }
});

Deno.test("the bytes of a large request are moved to the thread, and one follows the other", async () => {
  using pool = new PreparationPool();
  const texts = Array.from({ length: 4 }, (_, index) => `"${String(index).repeat(100_000)}"`);
  const order: number[] = [];
  await Promise.all(texts.map(async (text, index) => {
    const bytes = new TextEncoder().encode(text);
    assertEquals(await pool.json(bytes, "body"), JSON.parse(text));
    assertEquals(bytes.byteLength, 0);
    order.push(index);
  }));
  assertEquals(order, [0, 1, 2, 3]);
});

Deno.test("a prompt that cannot fit the context is refused in the thread", async () => {
  using pool = new PreparationPool();
  const { info } = new EngineDouble({ info: { chatTemplate: TINY_TEMPLATE, contextLength: 4 } });
  const content = "a".repeat(4 * 1024);
  const long = chatInput({ messages: [{ role: "user", content }] });
  const error = await assertRejects(() => pool.answer(info, long, TEXT), ShimmyError);
  assertEquals([error.kind, error.overflow?.contextLength], ["context_length", 4]);
});

Deno.test("a template that exceeds its budget is refused, and this thread goes on", async () => {
  using pool = new PreparationPool();
  const refused = assertRejects(
    () => pool.answer(modelWith(ENDLESS), input, TEXT),
    ShimmyError,
    "messages: cannot render the model's chat template",
  );
  assert(await turnsDuring(refused) > 5);
  assertEquals((await refused).kind, "invalid");
  await pool.answer(modelWith(TINY_TEMPLATE), input, TEXT);
});

Deno.test("the next request with a refused template is refused without a thread", async () => {
  using pool = new PreparationPool();
  const info = modelWith(ENDLESS);
  const errors = await Promise.all(
    Array.from({ length: 6 }, () => assertRejects(() => pool.prompt(info, input), ShimmyError)),
  );
  assertEquals(new Set(errors.map(({ message }) => message)).size, 1);
  // Another model with the same template.
  const again = pool.prompt(modelWith(ENDLESS), input);
  const next = pool.prompt(modelWith(TINY_TEMPLATE), input);
  // Rendering the template again would take longer.
  const first = await Promise.race([again.catch(() => "refused"), next.then(() => "rendered")]);
  assertEquals(first, "refused");
  await next;
});

Deno.test("a schema that exceeds its budget is refused by name, and this thread goes on", async () => {
  using pool = new PreparationPool();
  const properties = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [`p${n}`, { type: "string", pattern: `^.*a.{9}${n}$` }]),
  );
  const format: Format = { type: "json_schema", schema: { type: "object", properties } };
  const refused = assertRejects(
    () => pool.answer(modelWith(TINY_TEMPLATE), { ...input, tools: [] }, format),
    ShimmyError,
    "json_schema",
  );
  assert(await turnsDuring(refused) > 5);
  assertEquals((await refused).field, "json_schema");
});

Deno.test("a task does not wait for the end of a long one", async () => {
  using pool = new PreparationPool();
  const order: string[] = [];
  const long = pool.prompt(modelWith(ENDLESS), input).catch(() => order.push("long"));
  const short = pool.prompt(modelWith(TINY_TEMPLATE), input).then(() => order.push("short"));
  await Promise.all([long, short]);
  assertEquals(order, ["short", "long"]);
});

Deno.test("a thread is terminated when a task takes longer than its limit", async () => {
  using pool = new PreparationPool({ start: 60_000, template: 50, format: 60_000 });
  const error = await assertRejects(
    () => pool.prompt(modelWith(ENDLESS), input),
    ShimmyError,
    "takes longer than 0.05 s",
  );
  assertEquals([error.kind, error.field], ["invalid", "messages"]);
});

Deno.test("a closed pool fails what it has not done", async () => {
  const pool = new PreparationPool();
  const running = assertRejects(() => pool.prompt(modelWith(ENDLESS), input), ShimmyError);
  pool[Symbol.dispose]();
  assertStringIncludes((await running).message, "shutting down");
  await assertRejects(() => pool.prompt(modelWith(TINY_TEMPLATE), input), ShimmyError, "shutting");
});

/** How the main module as a Worker of these names gets the port to the sender of tasks. */
const CONNECTIONS: Readonly<Record<string, (port: MessagePort) => unknown>> = {
  "shimmy-preparation": (port) => port,
  "shimmy-preparation-host": (port) => ({ start: 1, port }),
};

for (const [name, connection] of Object.entries(CONNECTIONS)) {
  Deno.test(`the main module started as a Worker with the name ${name} prepares`, async () => {
    const main = new URL("../../../main.ts", import.meta.url);
    const worker = new Worker(main, { type: "module", name });
    const { port1, port2 } = new MessageChannel();
    try {
      const result = new Promise<unknown>((resolve) => {
        port1.onmessage = ({ data }) => "prompt" in data && resolve(data.prompt);
      });
      worker.postMessage(connection(port2), [port2]);
      const info = modelWith(TINY_TEMPLATE);
      port1.postMessage({ model: { id: 1, info }, task: { type: "prompt", input } });
      assertEquals(await result, await inlinePreparer.prompt(info, input));
    } finally {
      port1.close();
      worker.terminate();
    }
  });
}
