/** The page about RustChain: its configuration and its mission, with the requests of RustChain. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, Server } from "../cli/machine.ts";
import { read } from "./pages.ts";
import { freePort } from "../../scripts/free_port.ts";

const PAGE = await read("docs/integrations/rustchain.md");
const MISSION = await read("docs/examples/rustchain-mission.yaml");
const PARIS = "The capital of France is Paris.";

/** A value of the mission's only step. */
function valueOf(name: string): string {
  return new RegExp(`^ +${name}: "?([^"\n]*)"?$`, "m").exec(MISSION)![1]!;
}

/** RustChain's message: each optional field is present as null. */
const MESSAGES = [{
  role: "user",
  content: valueOf("prompt"),
  name: null,
  tool_calls: null,
  tool_call_id: null,
}];

Deno.test("with the page's configuration, both requests of RustChain are answered", async () => {
  await using machine = await Machine.start();
  const config = /```json\n([\s\S]*?)```/.exec(PAGE)![1]!;
  assertEquals(JSON.parse(config).server, { ollama: true });
  await Deno.writeTextFile(join(machine.home, "shimmy.json"), config);
  const address = `127.0.0.1:${freePort()}`;
  await using _server = await Server.start(machine, ["--port", "0", "--ollama", address]);
  const post = (path: string, body: unknown) =>
    fetch(`http://${address}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  const chat = await post("/v1/chat/completions", {
    model: "phi3-mini",
    messages: MESSAGES,
    temperature: Number(valueOf("temperature")),
    max_tokens: Number(valueOf("max_tokens")),
    stream: false,
  });
  assertEquals((await chat.json()).choices[0].message.content, PARIS);

  for (const prompt of [null, `user: ${MESSAGES[0]!.content}`]) {
    const stream = await post("/api/generate", {
      model: "phi3-mini",
      prompt,
      messages: MESSAGES,
      max_tokens: null,
      temperature: 0,
      top_p: null,
      top_k: null,
      stream: true,
    });
    const lines = (await stream.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ response }) => response).join(""), PARIS);
  }
});

Deno.test("the page shows the mission's step", () => {
  const shown = /```yaml\n([\s\S]*?)```/.exec(PAGE)![1]!;
  assertStringIncludes(MISSION, shown);
});
