import { ShimmyError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { EngineClient } from "./engine_client.ts";
import {
  type ChildCommand,
  ChildTransport,
  explainWorkerLoss,
  WorkerTransport,
} from "./process/mod.ts";
import type { LoadOptions } from "./protocol/mod.ts";

/**
 * Loads a model in an engine thread, or with `isolate` in a child process.
 *
 * @param onNotice receives fallbacks after the load, such as a full disk.
 * @param onProgress receives the fraction of the weights read so far, 0 to 1.
 * @param isolate command that runs this program as an engine process.
 * @throws {ShimmyError} with the reason; `cancelled` if `signal` was aborted.
 */
export async function loadEngine(
  options: LoadOptions,
  { onProgress, onNotice, signal, isolate }: {
    readonly onNotice?: ((notice: string) => void) | undefined;
    readonly onProgress?: ((fraction: number) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly isolate?: ChildCommand | undefined;
  } = {},
): Promise<Engine> {
  if (signal?.aborted) throw new ShimmyError("cancelled", "Loading was cancelled");
  const transport = isolate === undefined
    ? new WorkerTransport()
    : new ChildTransport(isolate, options.verbose, explanation(options));
  const engine = new EngineClient(transport);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancel = () => {
    transport.cancelLoading();
    // A process that hangs, or reads a large tensor from a slow disk, does not notice.
    timer = setTimeout(() => void engine.end("Loading was cancelled"), transport.unloadMs);
  };
  signal?.addEventListener("abort", cancel);
  try {
    await engine.load(options, onProgress ?? (() => {}), onNotice ?? (() => {}));
    return engine;
  } catch (error) {
    await engine.end("The model could not be loaded");
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

/** Tells the end of a model that has lost an RPC worker: ggml then ends its process. */
function explanation({ rpc = [] }: LoadOptions) {
  if (rpc.length === 0) return undefined;
  return (output: string | null) => explainWorkerLoss(rpc, output);
}
