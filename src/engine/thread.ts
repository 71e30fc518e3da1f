import { EngineHost } from "./host.ts";
import type { ToThread } from "./protocol.ts";

/** The parts of a dedicated Worker's global scope that are used here. */
interface WorkerScope {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<ToThread>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const host = new EngineHost((message) => scope.postMessage(message));
scope.onmessage = (event) => host.receive(event.data);
