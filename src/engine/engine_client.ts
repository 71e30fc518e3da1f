import { ShimmyError } from "../errors.ts";
import { ClientSequence } from "./client_sequence.ts";
import type { Engine, RunningSequence } from "./engine.ts";
import { readContextLog, readLoadLog } from "./model/placement/mod.ts";
import type { Transport } from "./process/mod.ts";
import {
  type AdapterChange,
  type AdapterInfo,
  type AddSpecial,
  deserializeError,
  DISK_SAVE_MS,
  type EmbedRequest,
  type EmbedResult,
  type EngineStatus,
  type FromEngineCore,
  type LoadOptions,
  type ModelInfo,
  type PromptPart,
  type RpcWorker,
  type SequenceEvent,
  type SequenceRequest,
  type SlotChange,
  type SlotChangeResult,
  type ToEngineCore,
  unloadedError,
} from "./protocol/mod.ts";
import type { Sink } from "./sink.ts";
import { checkTextLength } from "./text_limit.ts";

/** Adds the placement in the native log of the load to the model info. */
function withPlacement(
  info: ModelInfo,
  log: string,
  rpc: readonly RpcWorker[] | undefined,
): ModelInfo {
  const { placement, layerDevices } = readLoadLog(log, rpc);
  if (placement.length === 0) return info;
  const cpus = new Set(
    info.devices.filter(({ kind }) => kind === "cpu").map((device) => device.name),
  );
  const offloadedLayers = [...layerDevices.values()].filter((device) => !cpus.has(device)).length;
  return { ...info, placement, offloadedLayers };
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Client of an engine core: the public interface over a transport. */
export class EngineClient implements Engine {
  readonly #transport: Transport;
  readonly #sequences = new Map<number, ClientSequence>();
  readonly #calls = new Map<number, PendingCall>();
  readonly #closed = Promise.withResolvers<string | null>();
  readonly #loaded = Promise.withResolvers<ModelInfo>();
  readonly #unloaded = Promise.withResolvers<void>();
  /** Native logs of the embedding contexts, in the order of their creation. */
  readonly #contextLogs: string[] = [];
  #onProgress: (fraction: number) => void = () => {};
  #onNotice: (notice: string) => void = () => {};
  /** Milliseconds that an unload may take for writing states to disk. */
  #saveMs = 0;
  #rpc: LoadOptions["rpc"];
  #nextId = 1;
  #ending: Promise<void> | null = null;
  #info: ModelInfo | null = null;
  #adapters: readonly AdapterInfo[] = [];

  constructor(transport: Transport) {
    this.#transport = transport;
    // Prevents an unhandled rejection if nothing awaits the load.
    this.#loaded.promise.catch(() => {});
    transport.open(
      (message) => this.#receive(message),
      (reason, detail) => void this.end(reason, detail),
      (log) => this.#contextLogs.push(log),
    );
  }

  get info(): ModelInfo {
    if (this.#info === null) throw new Error("Cannot read the model info: the model is not loaded");
    return this.#info;
  }

  get isResponding(): boolean {
    return this.#transport.isResponding;
  }

  get closed(): Promise<string | null> {
    return this.#closed.promise;
  }

  get adapters(): readonly AdapterInfo[] {
    return this.#adapters;
  }

  async load(
    options: LoadOptions,
    onProgress: (fraction: number) => void,
    onNotice: (notice: string) => void,
  ): Promise<void> {
    this.#onProgress = onProgress;
    this.#onNotice = onNotice;
    this.#rpc = options.rpc;
    if (options.diskCache !== undefined || options.sharedCache !== undefined) {
      this.#saveMs = DISK_SAVE_MS;
    }
    const { loadLog } = this.#transport;
    this.#post({ type: "load", options: { ...options, logLoad: loadLog !== null } });
    const info = await this.#loaded.promise;
    this.#info = loadLog === null ? info : withPlacement(info, await loadLog, options.rpc);
  }

  generate(request: SequenceRequest, sink: Sink<SequenceEvent>): RunningSequence {
    const id = this.#nextId++;
    const sequence = new ClientSequence(
      sink,
      (control) => this.#post({ type: "control", id, control }),
      (edit) => this.#call((call) => ({ type: "edit", call, id, edit })),
    );
    if (this.#isEnded) {
      const error = new ShimmyError("backend", "The model is no longer loaded");
      queueMicrotask(() => sequence.fail(error));
      return sequence;
    }
    this.#sequences.set(id, sequence);
    this.#post({ type: "submit", id, request });
    return sequence;
  }

  async tokenize(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<number[]> {
    checkTextLength(this.info, prompt);
    const result = "tokens";
    return await this.#call((call) => ({ type: "tokenize", call, prompt, addSpecial, result }));
  }

  async countTokens(prompt: readonly PromptPart[], addSpecial: AddSpecial): Promise<number> {
    checkTextLength(this.info, prompt);
    const result = "count";
    return await this.#call((call) => ({ type: "tokenize", call, prompt, addSpecial, result }));
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return this.#call((call) => ({ type: "detokenize", call, tokens }));
  }

  pieces(tokens: readonly number[]): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    return this.#call((call) => ({ type: "pieces", call, tokens }));
  }

  async embed(request: EmbedRequest, signal?: AbortSignal): Promise<EmbedResult> {
    if (signal?.aborted) throw new ShimmyError("cancelled", "The request was cancelled");
    const call = this.#nextId;
    const result = this.#call<EmbedResult>(() => ({ type: "embed", call, request }));
    const cancel = () => this.#post({ type: "cancel-embed", call });
    signal?.addEventListener("abort", cancel);
    try {
      return await result;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  changeAdapters(change: AdapterChange): Promise<AdapterInfo[]> {
    return this.#call((call) => ({ type: "adapter", call, change }));
  }

  changeSlot(change: SlotChange): Promise<SlotChangeResult> {
    return this.#call((call) => ({ type: "slot", call, change }));
  }

  deleteSession(session: string): Promise<boolean> {
    return this.#call((call) => ({ type: "delete-session", call, session }));
  }

  async status(): Promise<EngineStatus> {
    const status = await this.#call<EngineStatus>((call) => ({ type: "status", call }));
    const { embedding } = status;
    if (embedding === null || embedding.memory !== null) return status;
    // The log and the messages use separate streams, so the log of the latest context may not have
    // arrived yet.
    const log = this.#contextLogs[embedding.contexts - 1];
    if (log === undefined) return status;
    return { ...status, embedding: { ...embedding, memory: readContextLog(log, this.#rpc) } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending !== null) return this.#ending;
    this.#transport.abort();
    this.#post({ type: "unload" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) =>
      timer = setTimeout(resolve, this.#transport.unloadMs + this.#saveMs)
    );
    await Promise.race([this.#unloaded.promise, late]);
    clearTimeout(timer);
    await this.end(null);
  }

  /** Ends the engine and fails everything that waits for it. `detail` is for the log only. */
  end(reason: string | null, detail?: string): Promise<void> {
    return this.#ending ??= this.#end(reason, detail);
  }

  async #end(reason: string | null, detail?: string): Promise<void> {
    const error = reason === null ? unloadedError() : new ShimmyError("backend", reason, {
      ...(detail === undefined ? {} : { detail }),
    });
    for (const sequence of this.#sequences.values()) sequence.fail(error);
    this.#sequences.clear();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    this.#loaded.reject(error);
    this.#unloaded.resolve();
    await this.#transport.terminate();
    this.#closed.resolve(reason);
  }

  get #isEnded(): boolean {
    return this.#ending !== null;
  }

  #post(message: ToEngineCore): void {
    if (!this.#isEnded) this.#transport.post(message);
  }

  #call<T>(message: (call: number) => ToEngineCore): Promise<T> {
    if (this.#isEnded) {
      return Promise.reject(new ShimmyError("backend", "The model is no longer loaded"));
    }
    const call = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(call, { resolve, reject });
    this.#post(message(call));
    return promise as Promise<T>;
  }

  #receive(message: FromEngineCore): void {
    switch (message.type) {
      case "step":
        return this.#dispatch(message.events);
      case "adapters":
        this.#adapters = message.adapters;
        return;
      case "context": {
        const { shape } = message;
        const { shape: former, placement } = this.info;
        const growth = former === null || former.kvBytes === 0 ? 1 : shape.kvBytes / former.kvBytes;
        this.#info = {
          ...this.info,
          shape,
          settings: { ...this.info.settings, swaFull: shape.swaFull },
          contextLength: Math.max(this.info.contextLength, shape.length),
          parallel: shape.sequences,
          placement: placement.map((part) => ({
            ...part,
            kvBytes: part.kvBytes === null ? null : Math.ceil(part.kvBytes * growth),
          })),
        };
        return;
      }
      case "reply":
        this.#calls.get(message.call)?.resolve(message.value);
        this.#calls.delete(message.call);
        return;
      case "refused":
        this.#calls.get(message.call)?.reject(deserializeError(message.error));
        this.#calls.delete(message.call);
        return;
      case "loading":
        return this.#onProgress(message.fraction);
      case "loaded":
        return this.#loaded.resolve(message.info);
      case "failed":
        return this.#loaded.reject(deserializeError(message.error));
      case "notice":
        return this.#onNotice(message.notice);
      case "unloaded":
        return this.#unloaded.resolve();
    }
  }

  /** Passes the events of a message to their sequences, each of which sends its output once. */
  #dispatch(events: Extract<FromEngineCore, { type: "step" }>["events"]): void {
    const touched = new Set<ClientSequence>();
    for (const { id, event } of events) {
      const sequence = this.#sequences.get(id);
      if (sequence === undefined) continue;
      sequence.push(event);
      if (sequence.hasEnded) this.#sequences.delete(id);
      touched.add(sequence);
    }
    for (const sequence of touched) sequence.flush();
  }
}
