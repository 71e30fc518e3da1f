import { assertEquals } from "@std/assert";
import { EngineFlags } from "../../src/engine/native/shared_flags.ts";
import { NativeGate } from "../../src/engine/native/native_gate.ts";
import { type SharedMemory, THREAD_NAME } from "../../src/engine/process/transport.ts";

Deno.test("the main module started as a Worker is an engine thread", async () => {
  const worker = new Worker(new URL("../../main.ts", import.meta.url), {
    type: "module",
    name: THREAD_NAME.worker,
  });
  try {
    const answer = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
    const shared: SharedMemory = {
      flags: new EngineFlags().buffer,
      gate: new NativeGate().buffer,
    };
    worker.postMessage(shared);
    worker.postMessage({ type: "unload" });
    assertEquals(await answer, { type: "unloaded" });
  } finally {
    worker.terminate();
  }
});
