import { isProgram } from "../../own_command.ts";
import { EngineFlags, NativeGate } from "../native/mod.ts";
import { FRAME, FrameReader } from "../protocol/mod.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { type SharedMemory, startThread, THREAD_NAME } from "./transport.ts";

/** Internal command that runs {@linkcode engineChild}. */
export const ENGINE_COMMAND = "__engine";
/** Module that runs {@linkcode engineChild} when started as a program. */
export const ENGINE_MODULE = import.meta.url;

/**
 * Main thread of a child process with one engine. Forwards frames from stdin to the engine thread,
 * which writes its messages to stdout itself. Exits when stdin ends, so the process never outlives
 * its parent.
 */
export async function engineChild(): Promise<never> {
  const flags = new EngineFlags();
  const worker = startThread(THREAD_NAME.child);
  worker.onerror = (event) => {
    // The parent reports the last stderr output of a child.
    Deno.stderr.writeSync(
      new TextEncoder().encode(`The engine thread failed: ${event.message}\n`),
    );
    Deno.exit(1);
  };
  // Ctrl-C reaches the whole process group; the parent decides when the child ends.
  Deno.addSignalListener("SIGINT", () => {});
  sendHeartbeats();
  flags.announceMessage();
  const shared: SharedMemory = { flags: flags.buffer, gate: new NativeGate().buffer };
  worker.postMessage(shared);
  const reader = new FrameReader();
  for await (const piece of Deno.stdin.readable) {
    for (const { kind, body } of reader.push(piece)) {
      if (kind === FRAME.abort) flags.abort();
      else if (kind === FRAME.cancelLoading) flags.cancelLoading();
      else {
        flags.announceMessage();
        worker.postMessage({ kind, body: body.slice() });
      }
    }
  }
  Deno.exit(0);
}

if (isProgram(import.meta)) void engineChild();
