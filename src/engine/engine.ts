import { ShimmyError } from "../errors.ts";
import type { Engine, SequenceRun } from "./face.ts";
import { EngineFlags } from "./flags.ts";
import type {
  EmbedRequest,
  EmbedResult,
  EngineStatus,
  FromThread,
  LoadOptions,
  ModelInfo,
  PromptPart,
  SequenceRequest,
  ToThread,
} from "./protocol.ts";
import { Run } from "./run.ts";
import { fromWire } from "./wire.ts";

/** Milliseconds a thread gets to free its model before it is ended. */
const UNLOAD_MS = 5000;

/**
 * Loads a model in a thread of its own.
 * @param onProgress hears how much of the weights is read, from 0 to 1.
 * @throws {ShimmyError} with a sentence that says why the model cannot be loaded; `cancelled` when
 * `signal` ended it.
 */
export async function loadEngine(
  options: LoadOptions,
  { onProgress, signal }: {
    readonly onProgress?: (fraction: number) => void;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Engine> {
  if (signal?.aborted) throw new ShimmyError("cancelled", "Loading was cancelled");
  const engine = new ThreadEngine();
  const cancel = () => engine.flags.cancelLoading();
  signal?.addEventListener("abort", cancel);
  try {
    await engine.load(options, onProgress ?? (() => {}));
    return engine;
  } catch (error) {
    engine.end("The model could not be loaded");
    throw error;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

/**
 * The script of the engine thread. In a bundle every module has the bundle's own URL, and its main
 * module acts as the thread when it is started as one.
 */
function threadScript(): URL {
  return import.meta.url.endsWith("/src/engine/engine.ts")
    ? new URL("./thread.ts", import.meta.url)
    : new URL(import.meta.url);
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The face of an engine whose loop runs in a Worker. */
class ThreadEngine implements Engine {
  readonly flags = new EngineFlags();
  readonly #worker = new Worker(threadScript(), { type: "module", name: "shimmy-engine" });
  readonly #runs = new Map<number, Run>();
  readonly #calls = new Map<number, PendingCall>();
  readonly #closed = Promise.withResolvers<string | null>();
  readonly #loaded = Promise.withResolvers<ModelInfo>();
  readonly #unloaded = Promise.withResolvers<void>();
  #onProgress: (fraction: number) => void = () => {};
  #nextId = 1;
  #isEnded = false;
  #info: ModelInfo | null = null;

  constructor() {
    // Whoever awaits none of these must not be stopped by their rejection.
    this.#loaded.promise.catch(() => {});
    this.#worker.onmessage = (event: MessageEvent<FromThread>) => this.#receive(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end(`The engine thread failed: ${event.message}`);
    };
    this.#worker.onmessageerror = () => this.end("The engine thread sent what cannot be read");
  }

  get info(): ModelInfo {
    if (this.#info === null) throw new Error("Cannot read the model's facts: it is not loaded");
    return this.#info;
  }

  get closed(): Promise<string | null> {
    return this.#closed.promise;
  }

  async load(options: LoadOptions, onProgress: (fraction: number) => void): Promise<void> {
    this.#onProgress = onProgress;
    this.#post({ type: "load", options, flags: this.flags.buffer });
    this.#info = await this.#loaded.promise;
  }

  generate(request: SequenceRequest): SequenceRun {
    const id = this.#nextId++;
    const run = new Run((control) => this.#post({ type: "control", id, control }));
    if (this.#isEnded) {
      run.fail(new ShimmyError("backend", "The model is no longer loaded"));
      return run;
    }
    this.#runs.set(id, run);
    this.#post({ type: "submit", id, request });
    return run;
  }

  tokenize(prompt: readonly PromptPart[], addSpecial: boolean): Promise<number[]> {
    return this.#call((call) => ({ type: "tokenize", call, prompt, addSpecial }));
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return this.#call((call) => ({ type: "detokenize", call, tokens }));
  }

  embed(request: EmbedRequest): Promise<EmbedResult> {
    return this.#call((call) => ({ type: "embed", call, request }));
  }

  status(): Promise<EngineStatus> {
    return this.#call((call) => ({ type: "status", call }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnded) return;
    this.flags.abort();
    this.#post({ type: "unload" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, UNLOAD_MS));
    await Promise.race([this.#unloaded.promise, late]);
    clearTimeout(timer);
    this.end(null);
  }

  /** The thread is over; everything that waits for it fails with the reason. */
  end(reason: string | null): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#worker.terminate();
    const error = new ShimmyError("backend", "The model stopped working", {
      ...(reason === null ? {} : { detail: reason }),
    });
    for (const run of this.#runs.values()) run.fail(error);
    this.#runs.clear();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    this.#loaded.reject(error);
    this.#unloaded.resolve();
    this.#closed.resolve(reason);
  }

  #post(message: ToThread): void {
    if (this.#isEnded) return;
    this.flags.announceMail();
    this.#worker.postMessage(message);
  }

  #call<T>(message: (call: number) => ToThread): Promise<T> {
    if (this.#isEnded) {
      return Promise.reject(new ShimmyError("backend", "The model is no longer loaded"));
    }
    const call = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(call, { resolve, reject });
    this.#post(message(call));
    return promise as Promise<T>;
  }

  #receive(message: FromThread): void {
    switch (message.type) {
      case "step":
        for (const { id, event } of message.events) {
          const run = this.#runs.get(id);
          if (event.type !== "token") this.#runs.delete(id);
          run?.push(event);
        }
        return;
      case "reply":
        this.#calls.get(message.call)?.resolve(message.value);
        this.#calls.delete(message.call);
        return;
      case "refused":
        this.#calls.get(message.call)?.reject(fromWire(message.error));
        this.#calls.delete(message.call);
        return;
      case "loading":
        return this.#onProgress(message.fraction);
      case "loaded":
        return this.#loaded.resolve(message.info);
      case "failed":
        return this.#loaded.reject(fromWire(message.error));
      case "unloaded":
        return this.#unloaded.resolve();
    }
  }
}
