import { assertEquals, assertStringIncludes } from "@std/assert";
import { descendantsOf, hasProcesses } from "./processes.ts";
import { generate, startTinyServer, TINY } from "./tiny_server.ts";
import { exchange, type Sent } from "./exchange.ts";

const ignore = !hasProcesses;

Deno.test({
  name: "a server that ends is reported and started again, and one that stops is reported",
  ignore,
  async fn() {
    await using server = await startTinyServer();
    assertEquals(await generate(server, { prompt: "Hi", max_tokens: 1 }), null);
    Deno.kill(server.pid, "SIGKILL");
    const problem = await server.check(true);
    assertEquals(problem?.kind, "ended");
    assertStringIncludes(problem!.message, "serve ended with status 137");
    assertEquals(await generate(server, { prompt: "Hi", max_tokens: 1 }), null);
    Deno.kill(server.pid, "SIGSTOP");
    let silent = null;
    while (silent === null) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      silent = await server.check();
    }
    Deno.kill(server.pid, "SIGCONT");
    assertEquals(silent.kind, "silent");
  },
});

Deno.test({
  name: "at the end, no process of a model may be left over",
  ignore,
  async fn() {
    await using server = await startTinyServer();
    assertEquals((await descendantsOf(server.pid)).length, 1);
    assertEquals(await server.finish([TINY]), null);
  },
});

Deno.test("statuses that are not documented and paths are problems", async () => {
  await using server = await startTinyServer();
  const health: Sent = { method: "GET", path: "/health", isDocumented: (status) => status === 200 };
  assertEquals(await exchange(server, health), null);
  const wrong = await exchange(server, { ...health, isDocumented: () => false });
  assertEquals(wrong?.message, 'GET /health gave 200: {"status":"ok"}');
  const secret = await exchange(server, { ...health, secrets: ["status"] });
  assertEquals(secret?.kind, "disclosure");
});
