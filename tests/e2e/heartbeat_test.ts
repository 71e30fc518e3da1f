/** A model's process that is stopped, as by a debugger or a full cgroup. */
import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { childrenOf, Machine, Server } from "../cli/machine.ts";

const ask = { prompt: "What is the capital of France?", temperature: 0 };

/** Waits until a condition holds; the heartbeat takes seconds. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await condition()) return;
    await delay(100);
  }
  throw new Error("The condition does not hold after a minute");
}

Deno.test({
  name: "a stopped process makes the server unready, fails its requests and is replaced",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using machine = await Machine.start();
    await using server = await Server.start(machine);
    assertEquals(
      (await (await server.generate(ask)).json()).response,
      "The capital of France is Paris.",
    );
    const [child] = await childrenOf(server.pid);
    const status = async () => {
      const response = await fetch(server.url("/ready"));
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status(), 200);
    Deno.kill(child!, "SIGSTOP");
    const waiting = server.generate(ask);
    await until(async () => await status() === 503);
    const failed = await waiting;
    assertEquals(failed.status, 502);
    assertEquals(await failed.json(), { error: "The model's process does not respond" });
    await until(async () => await status() === 200);
    assertEquals(
      (await (await server.generate(ask)).json()).response,
      "The capital of France is Paris.",
    );
    const [next] = await childrenOf(server.pid);
    assertEquals(next === child, false);
  },
});
