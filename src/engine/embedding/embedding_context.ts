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

/** An embedding context and its memory. */
export interface EmbeddingContext {
  readonly context: Context;
  /** Null if the log cannot be captured here; the reader of stderr may have it. */
  readonly memory: readonly ContextMemory[] | null;
}

/** The load resources that embeddings need. */
export type EmbeddingResources = Omit<
  LoadResources,
  "tokenizer" | "projectorBytes" | "rowNames" | "notes" | "stack"
>;

/**
 * Creates an embedding context for batches of `tokens` tokens and `sequences` sequences.
 * @throws {ShimmyError} `backend` if libllama cannot create it.
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
      `Cannot create an embedding context of ${tokens} tokens: not enough memory, or not supported ` +
        "by the model",
      { cause: made, ...(log === null ? {} : { detail: log }) },
    );
  }
  made.attachThreadPool(resources.pool);
  return {
    context: made,
    memory: log === null ? null : readContextLog(log, resources.options.rpc),
  };
}

/** Sets the parameters of an embedding context. */
export function configureEmbedding(
  parameters: ContextParams,
  { model, options, threads }: Pick<EmbeddingResources, "model" | "options" | "threads">,
  tokens: number,
  sequences: number,
): void {
  const kvType = kvTypeOf(options);
  parameters.embeddings = true;
  parameters.n_ctx = tokens;
  // Non-causal attention and pooling need the whole input in one physical batch.
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
  // libllama uses the pooling of the model by default. Models without one get the mean.
  if ((model.poolingType ?? 0) <= LLAMA_POOLING_TYPE.NONE) {
    parameters.pooling_type = LLAMA_POOLING_TYPE.MEAN;
  }
}

/**
 * Runs native work and captures its log. In a child process whose stderr is read, the log goes to
 * stderr, as during a load: drivers may log from their own threads, which must not call JavaScript.
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
