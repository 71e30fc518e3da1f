import { EngineFlags, NativeGate } from "../native/mod.ts";
import { decodeBody, encodeFrame, type ToEngineCore } from "../protocol/mod.ts";
import { EngineCore, type Post } from "./engine_core.ts";
import { type SharedMemory, THREAD_NAME } from "./transport.ts";

/** A message as it reaches a thread: in a child process, a frame's body that is still to be read. */
export type ThreadMessage =
  | ToEngineCore
  | { readonly kind: number; readonly body: Uint8Array<ArrayBuffer> };

/** The parts of a dedicated Worker's global scope that are used here. */
interface WorkerScope {
  readonly name: string;
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<SharedMemory | ThreadMessage>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;

/** Straight to the process's standard output: a way through its main thread would cost a hop. */
const writeToParent: Post = (message) => {
  const bytes = encodeFrame(message);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
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
