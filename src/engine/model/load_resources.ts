import type { AbortCheck, Library, Model, ThreadPool } from "../../../ffi/mod.ts";
import type { Adapters } from "../adapters/mod.ts";
import type { RowNames } from "../disk_cache/mod.ts";
import type { EngineFlags, NativeGate } from "../native/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";

/** Resources of a load in progress. */
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
  /** Available main memory in bytes before the weights were read. */
  readonly memoryBefore: number;
  /** Bytes of main memory that the weights of the projector take. */
  readonly projectorBytes: number;
  /** Names of the rows of images in files. */
  readonly rowNames: RowNames;
  /** Fallbacks and limits, one sentence each. Later steps add to it. */
  readonly notes: string[];
  /** Closes what the load creates. */
  readonly stack: DisposableStack;
}
