/** A model's process that is stopped, as by a debugger or a full cgroup, or whose engine thread hangs. */
import { assertEquals } from "@std/assert";
import { childrenOf, Machine, Server } from "../cli/machine.ts";
import { engineThread, holdThread, whyNoHold } from "../support/held_thread.ts";
import { until } from "../support/until.ts";

const ask = { prompt: "What is the capital of France?", temperature: 0 };

/** The status of `/ready`. */
async function readiness(server: Server): Promise<number> {
  const response = await fetch(server.url("/ready"));
  await response.body?.cancel();
  return response.status;
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
    assertEquals(await readiness(server), 200);
    Deno.kill(child!, "SIGSTOP");
    const waiting = server.generate(ask);
    await until(async () => await readiness(server) === 503);
    const failed = await waiting;
    assertEquals(failed.status, 502);
    assertEquals(await failed.json(), { error: "The model's process does not respond" });
    await until(async () => await readiness(server) === 200);
    assertEquals(
      (await (await server.generate(ask)).json()).response,
      "The capital of France is Paris.",
    );
    const [next] = await childrenOf(server.pid);
    assertEquals(next === child, false);
  },
});

Deno.test({
  name: "a process whose engine thread hangs is replaced after the time of --step-timeout",
  ignore: await whyNoHold() !== null,
  async fn() {
    await using machine = await Machine.start();
    await using server = await Server.start(machine, ["--port", "0", "--step-timeout", "3"]);
    const answer = async () => (await (await server.generate(ask)).json()).response;
    assertEquals(await answer(), "The capital of France is Paris.");
    const [child] = await childrenOf(server.pid);
    using _held = holdThread(await engineThread(child!));
    const failed = await server.generate(ask);
    assertEquals(failed.status, 502);
    assertEquals(await failed.json(), { error: "The model's process does not respond" });
    await until(async () => await readiness(server) === 200);
    assertEquals(await answer(), "The capital of France is Paris.");
    const [next] = await childrenOf(server.pid);
    assertEquals(next === child, false);
  },
});
