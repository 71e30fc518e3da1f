import type { AbortCheck, Library, Model, ThreadPool } from "../../../ffi/mod.ts";
import type { Adapters } from "../adapters/mod.ts";
import type { EngineFlags, NativeGate } from "../native/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";

/** What is at hand while a model is loaded. */
export interface LoadResources {
  readonly library: Library;
  readonly model: Model;
  readonly adapters: Adapters;
  readonly tokenizer: Tokenizer;
  readonly options: LoadOptions;
  readonly flags: EngineFlags;
  readonly gate: NativeGate;
  readonly threads: number;
  readonly pool: ThreadPool;
  readonly abort: AbortCheck | null;
  /** What fell back, one sentence each; what is made here adds to it. */
  readonly notes: string[];
  /** Closes what is made here. */
  readonly stack: DisposableStack;
}
