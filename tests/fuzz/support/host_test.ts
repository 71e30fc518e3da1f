import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { chatInput } from "../../support/chat_request.ts";
import { TINY } from "../../support/engine.ts";
import { Host } from "./host.ts";
import type { HostResult, HostTask } from "./host_main.ts";

Deno.test("a process of the product tells what it accepts and what it refuses", async () => {
  await using host = new Host();
  const run = async (task: HostTask) => {
    const result = await host.run(task);
    assert(!("kind" in result), JSON.stringify(result));
    return result as HostResult;
  };
  const path = fileURLToPath(import.meta.url);
  assertEquals((await run({ type: "header", path: TINY })).refused, null);
  assertEquals((await run({ type: "header", path })).refused, "not a GGUF file");
  const render = (template: string) => run({ type: "template", template, input: chatInput() });
  assertEquals((await render("{{ messages[0].content }}")).refused, null);
  const { refused, thrown } = await render("{{ raise_exception('no') }}");
  assertStringIncludes(refused!, "no");
  assertEquals(thrown, null);
});
