import { isProgram } from "../../own_command.ts";
import { EngineFlags, NativeGate } from "../native/mod.ts";
import { FRAME, FrameReader } from "../protocol/mod.ts";
import { type SharedMemory, startThread, THREAD_NAME } from "./transport.ts";

/** The hidden command that runs {@linkcode engineChild}. */
export const ENGINE_COMMAND = "__engine";
/** The module that does. */
export const ENGINE_MODULE = import.meta.url;

/**
 * The main thread of a child process that runs one engine: it hands frames from standard input on to
 * the engine's thread, which answers on standard output itself, and ends the process when its input
 * ends, so that it never outlives its parent.
 */
export async function engineChild(): Promise<never> {
  const flags = new EngineFlags();
  const worker = startThread(THREAD_NAME.child);
  worker.onerror = (event) => {
    // The parent hears the last words of a child.
    Deno.stderr.writeSync(
      new TextEncoder().encode(`The engine thread failed: ${event.message}\n`),
    );
    Deno.exit(1);
  };
  // An interrupt at the terminal reaches the whole group of processes; the parent decides what ends.
  Deno.addSignalListener("SIGINT", () => {});
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
