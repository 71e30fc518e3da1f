import { assertEquals } from "@std/assert";
import { EngineFlags } from "../../src/engine/flags.ts";
import { NativeGate } from "../../src/engine/gate.ts";
import { THREAD_NAME } from "../../src/engine/link.ts";

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
    worker.postMessage({ flags: new EngineFlags().buffer, gate: new NativeGate().buffer });
    worker.postMessage({ type: "unload" });
    assertEquals(await answer, { type: "unloaded" });
  } finally {
    worker.terminate();
  }
});
