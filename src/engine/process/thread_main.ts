import { EngineFlags, NativeGate } from "../native/mod.ts";
import { decodeBody, encodeFrame, type ToEngineCore } from "../protocol/mod.ts";
import { EngineCore, type Post } from "./engine_core.ts";
import { type SharedMemory, THREAD_NAME } from "./transport.ts";

/** Message to an engine thread. In a child process: the body of a frame, not yet decoded. */
export type ThreadMessage =
  | ToEngineCore
  | { readonly kind: number; readonly body: Uint8Array<ArrayBuffer> };

/** The parts of the global scope of a dedicated Worker that are used here. */
interface WorkerScope {
  readonly name: string;
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<SharedMemory | ThreadMessage>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;

/** Writes to stdout directly; forwarding through the main thread would add latency. */
const writeToParent: Post = (message) => {
  const bytes = encodeFrame(message);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch (error) {
    // The parent has ended; the main thread then unloads the model.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  if (message.type === "unloaded") scope.postMessage(message.type);
};

const post: Post = scope.name === THREAD_NAME.child
  ? writeToParent
  : (message) => scope.postMessage(message);

let core: EngineCore | null = null;
scope.onmessage = ({ data }) => {
  // The first message is the shared memory.
  if ("flags" in data) {
    core = new EngineCore(new EngineFlags(data.flags), new NativeGate(data.gate), post);
  } else core!.receive("kind" in data ? decodeBody(data.kind, data.body) as ToEngineCore : data);
};
