import { isProgram } from "../../own_command.ts";
import { EngineFlags, NativeGate } from "../native/mod.ts";
import { DISK_SAVE_MS, FRAME, FrameReader, type ToEngineCore } from "../protocol/mod.ts";
import { sendHeartbeats } from "./heartbeat.ts";
import { type SharedMemory, startThread, THREAD_NAME } from "./transport.ts";
import { WorkWatch } from "./work_watch.ts";

/** Milliseconds for the unload of a child whose parent has ended. */
const MAX_UNLOAD_MS = DISK_SAVE_MS + 2000;

/**
 * Main thread of a child process with one engine. Forwards frames from stdin to the engine thread,
 * which writes its messages to stdout itself. Unloads the model and exits when stdin ends, so the
 * process does not outlive its parent.
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
  // Signals reach the whole process group; the parent decides when the child ends.
  Deno.addSignalListener("SIGINT", () => {});
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => {});
  sendHeartbeats(new WorkWatch(flags));
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
  // Without its parent, the child saves its states and ends.
  const unloaded = new Promise<void>((resolve) => worker.onmessage = () => resolve());
  flags.abort();
  flags.announceMessage();
  worker.postMessage({ type: "unload" } satisfies ToEngineCore);
  await Promise.race([unloaded, new Promise((resolve) => setTimeout(resolve, MAX_UNLOAD_MS))]);
  Deno.exit(0);
}

if (isProgram(import.meta)) void engineChild();
