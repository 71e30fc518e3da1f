import {
  address,
  captureLogs,
  type Context,
  type ContextParams,
  LLAMA_POOLING_TYPE,
  NativeError,
  printLogs,
  silenceLogs,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { FLASH_ATTENTION, kvTypeOf, type LoadResources, readContextLog } from "../model/mod.ts";
import { type ContextMemory, LOG_END } from "../protocol/mod.ts";

/** A context that embeds, and what it takes. */
export interface EmbeddingContext {
  readonly context: Context;
  /** Null where the log cannot be read here; whoever reads this process's standard error may know. */
  readonly memory: readonly ContextMemory[] | null;
}

/** What of a load embeddings need. */
export type EmbeddingResources = Omit<LoadResources, "tokenizer" | "notes" | "stack">;

/**
 * Makes a context that embeds as many tokens at once, of as many sequences.
 * @throws {ShimmyError} `backend` where libllama cannot make it.
 */
export function createEmbeddingContext(
  resources: EmbeddingResources,
  tokens: number,
  sequences: number,
): EmbeddingContext {
  const make = () => {
    try {
      return resources.model.createContext(
        (parameters) => {
          configureEmbedding(parameters, resources, tokens, sequences);
          const { abort, flags } = resources;
          if (abort === null) return;
          parameters.abort_callback = abort.address;
          parameters.abort_callback_data = address(flags.abortBytes);
        },
        resources.flags,
      );
    } catch (error) {
      if (error instanceof NativeError) return error;
      throw error;
    }
  };
  const { made, log } = logged(resources, make);
  if (made instanceof NativeError) {
    throw new ShimmyError(
      "backend",
      `Cannot make a context that embeds ${tokens} tokens: there is not enough memory, or the model ` +
        "does not allow it",
      { cause: made, ...(log === null ? {} : { detail: log }) },
    );
  }
  made.attachThreadPool(resources.pool);
  return { context: made, memory: log === null ? null : readContextLog(log) };
}

/** What a context that embeds is made with. */
export function configureEmbedding(
  parameters: ContextParams,
  { model, options, threads }: Pick<EmbeddingResources, "model" | "options" | "threads">,
  tokens: number,
  sequences: number,
): void {
  const kvType = kvTypeOf(options);
  parameters.embeddings = true;
  parameters.n_ctx = tokens;
  // Attention without a causal order, and every pooling, need a whole text in one physical batch.
  parameters.n_batch = tokens;
  parameters.n_ubatch = tokens;
  parameters.n_seq_max = sequences;
  parameters.kv_unified = true;
  parameters.n_threads = threads;
  parameters.n_threads_batch = threads;
  parameters.flash_attn_type = FLASH_ATTENTION[options.flashAttention];
  parameters.type_k = kvType;
  parameters.type_v = kvType;
  parameters.no_perf = true;
  // Where none is asked for, libllama takes the model's own; a model that names none gets the mean.
  if ((model.poolingType ?? 0) <= LLAMA_POOLING_TYPE.NONE) {
    parameters.pooling_type = LLAMA_POOLING_TYPE.MEAN;
  }
}

/**
 * Does native work and gets what it logs. In a process whose standard error is read the log goes there,
 * as it does while a model loads: a driver may log from threads of its own, which must not come to call
 * JavaScript.
 */
function logged<T>(
  { library, options, gate }: EmbeddingResources,
  work: () => T,
): { readonly made: T; readonly log: string | null } {
  if (options.logLoad) {
    printLogs(library);
    const made = work();
    if (!options.verbose) silenceLogs(library);
    Deno.stderr.writeSync(new TextEncoder().encode(`\n${LOG_END}\n`));
    return { made, log: null };
  }
  const captured = gate.exclusive(() => captureLogs(library, work));
  if (captured === null) return { made: work(), log: null };
  const { value: made, lines } = captured.value;
  return { made, log: lines.map(({ text }) => text).join("\n") };
}
