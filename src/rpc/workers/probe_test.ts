import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { freePort } from "../../../scripts/free_port.ts";
import {
  type Answers,
  count,
  hello,
  memory,
  rpcWorker,
} from "../../../tests/doubles/rpc_worker.ts";
import { probeWorker } from "./probe.ts";
import { workerDevices } from "./device_names.ts";

async function refusal(answers: Answers, timeoutMs = 5_000): Promise<string> {
  await using worker = rpcWorker(answers);
  const { endpoint } = worker;
  const error = await assertRejects(() => probeWorker(endpoint, { timeoutMs }), ShimmyError);
  assertEquals(error.kind, "backend");
  assertStringIncludes(error.message, endpoint.text);
  return error.message;
}

Deno.test("a worker tells its version, its devices and their memory", async () => {
  await using worker = rpcWorker([
    hello(7),
    ...Array(9).fill(count(2)),
    memory(1, 2),
    memory(3, 4),
  ]);
  const { endpoint } = worker;
  const found = await probeWorker(endpoint);
  assertEquals(found.version, { major: 7, minor: 0, patch: 9 });
  assertEquals(found.address, endpoint.text);
  assert(found.latencyMs > 0 && found.latencyMs < 5_000);
  assertEquals(found.devices, [
    { memoryFree: 65_536, memoryTotal: 2 * 65_536 },
    { memoryFree: 3 * 65_536, memoryTotal: 4 * 65_536 },
  ]);
  const devices = workerDevices([found, { ...found, devices: found.devices.slice(1) }]);
  assertEquals(devices.map(({ name, index }) => [name, index]), [["RPC0", 0], ["RPC1", 1], [
    "RPC2",
    0,
  ]]);
});

Deno.test("a worker of another version, without devices or of another protocol is refused", async () => {
  assertStringIncludes(await refusal([hello(6)]), "has version 6.0.9 of the RPC protocol");
  assertStringIncludes(await refusal([hello(7, 1)]), "needs 7.0");
  assertStringIncludes(await refusal([hello(7), ...Array(9).fill(count(0))]), "has no devices");
  const http = [...new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")];
  assertStringIncludes(await refusal([http]), "does not speak ggml's RPC protocol");
  assertStringIncludes(await refusal([[]]), "does not speak ggml's RPC protocol");
});

Deno.test("a worker that serves another program, or none at all, is refused in time", async () => {
  const silent = await refusal(["silence"], 2_000);
  assertStringIncludes(silent, "does not answer within 2 s");
  assertStringIncludes(silent, "or it needs --rpc-key");
  const port = freePort();
  const closed = { hostname: "127.0.0.1", port, text: `127.0.0.1:${port}` };
  const error = await assertRejects(() => probeWorker(closed), ShimmyError);
  assertStringIncludes(error.message, `Worker ${closed.text} cannot be reached: `);
});

Deno.test("a check of a worker can be cancelled", async () => {
  await using worker = rpcWorker(["silence"]);
  const { endpoint } = worker;
  const controller = new AbortController();
  const checking = probeWorker(endpoint, { signal: controller.signal });
  controller.abort();
  assertEquals((await assertRejects(() => checking, ShimmyError)).kind, "cancelled");
});
