/** Values that other servers accept or fail on: each is refused with 400 or handled, and nothing breaks. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Machine, Server } from "../cli/machine.ts";
import { CASES, textOf } from "./values.ts";

Deno.test("hostile values are refused with 400 or handled, and break no route", async (test) => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  for (const [name, [path, body, ...statuses]] of Object.entries(CASES)) {
    await test.step(name, async () => {
      const response = await fetch(server.url(path), { method: "POST", body: textOf(body) });
      const answer = await response.text();
      assertStringIncludes(statuses.join(), String(response.status), answer.slice(0, 300));
    });
  }
  for (
    const path of [
      "/health",
      "/ready",
      "/diag",
      "/metrics",
      "/ollama/api/ps",
      "/api/models/shimmy-tiny/status",
    ]
  ) {
    const response = await fetch(server.url(path));
    await response.body?.cancel();
    assertEquals(response.status, 200, path);
  }
});
