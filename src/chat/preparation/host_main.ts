import { startOwnThread } from "../../own_thread.ts";
import { type FromHost, PREPARATION_THREAD, type ToHost } from "./host.ts";

/** The parts of the global scope of a dedicated Worker that are used here. */
interface WorkerScope {
  postMessage(message: FromHost): void;
  onmessage: ((event: MessageEvent<ToHost>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const threads = new Map<number, Worker>();

scope.onmessage = ({ data }) => {
  if ("start" in data) start(data.start, data.port);
  else {
    threads.get(data.end)?.terminate();
    threads.delete(data.end);
  }
};

function start(id: number, port: MessagePort): void {
  const thread = startOwnThread(PREPARATION_THREAD, new URL("./thread_main.ts", import.meta.url));
  threads.set(id, thread);
  thread.onerror = (event) => {
    event.preventDefault();
    scope.postMessage({ failed: id, message: event.message });
  };
  thread.postMessage(port, [port]);
}
