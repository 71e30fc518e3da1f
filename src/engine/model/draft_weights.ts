import {
  type Context,
  type Library,
  type Model,
  releaseUnusedCells,
  type Vocab,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { DEFAULT_BATCH, isOnCpu, kvTypeOf } from "./context_options.ts";
import { modelKvBytesPerToken } from "./model_bytes.ts";
import type { ContextShape, LoadOptions } from "../protocol/mod.ts";
import { type LoadObserver, readWeights } from "./weights.ts";

/** Options to open a draft model. */
export interface DraftOptions {
  readonly paths: readonly string[];
  /** The target model. */
  readonly model: Model;
  readonly options: LoadOptions;
  readonly threads: number;
  /** Open without allocating memory. */
  readonly noAllocation?: boolean;
}

/** An open draft model. */
export interface OpenedDraft {
  /** Bytes of its weights. */
  readonly bytes: number;
  /** Its KV cache bytes per token. */
  readonly kvBytesPerToken: number;
  /** Creates a context that has the same streams as the target's. Close it before the model. */
  createContext(shape: ContextShape): Context;
}

/** Element type of its KV cache. */
const KV_TYPE = "f16";

const OTHER_VOCABULARY = "its vocabulary differs from that of the model";
const RECURRENT = "it has a recurrent state, which cannot lose rejected tokens";

/**
 * Opens the draft model; `stack` closes it.
 * @returns a note if the draft model is skipped: if the vocabularies differ and the draft model is optional,
 * or if the draft model is recurrent.
 * @throws {ShimmyError} `invalid` if the vocabularies differ and it is not; as `readWeights`.
 */
export function openDraft(
  library: Library,
  { paths, model, options, threads, noAllocation = false }: DraftOptions,
  observer: LoadObserver,
  stack: DisposableStack,
): OpenedDraft | string {
  const draft = stack.use(readWeights(library, paths, options, observer, noAllocation));
  if (!sharesVocabulary(model.vocab, draft.vocab)) {
    if (options.isDraftOptional) {
      draft.close();
      return skipped(OTHER_VOCABULARY);
    }
    throw new ShimmyError("invalid", `Cannot use the draft model: ${OTHER_VOCABULARY}`, {
      field: "draft",
      detail: paths[0]!,
    });
  }
  if (draft.isRecurrent) {
    draft.close();
    return skipped(RECURRENT);
  }
  return {
    bytes: draft.size,
    kvBytesPerToken: modelKvBytesPerToken(library, draft, paths, KV_TYPE),
    createContext: (shape) => {
      const context = draft.createContext((parameters) => {
        parameters.n_ctx = shape.cells;
        parameters.n_seq_max = shape.sequences;
        parameters.kv_unified = shape.unified;
        parameters.n_batch = DEFAULT_BATCH;
        parameters.n_ubatch = DEFAULT_BATCH;
        parameters.n_outputs_max = shape.sequences;
        parameters.type_k = kvTypeOf({ kvType: KV_TYPE });
        parameters.type_v = kvTypeOf({ kvType: KV_TYPE });
        parameters.n_threads = threads;
        parameters.n_threads_batch = threads;
        parameters.no_perf = true;
      });
      if (isOnCpu(options) && !noAllocation) releaseUnusedCells(library, context, draft.layers);
      return context;
    },
  };
}

function skipped(reason: string): string {
  return `The draft model is skipped: ${reason}`;
}

/** Whether every token has the same text in both vocabularies. */
function sharesVocabulary(one: Vocab, other: Vocab): boolean {
  if (one.size !== other.size) return false;
  for (let token = 0; token < one.size; token++) {
    if (one.text(token) !== other.text(token)) return false;
  }
  return true;
}
