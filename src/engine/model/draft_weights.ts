import type { Context, Library, Model, Vocab } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { DEFAULT_BATCH } from "./context_options.ts";
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

/** Creates a context of the draft model that has the same streams as the target's. Close it first. */
export type DraftContexts = (shape: ContextShape) => Context;

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
): DraftContexts | string {
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
  return (shape) =>
    draft.createContext((parameters) => {
      parameters.n_ctx = shape.cells;
      parameters.n_seq_max = shape.sequences;
      parameters.kv_unified = shape.unified;
      parameters.n_batch = DEFAULT_BATCH;
      parameters.n_ubatch = DEFAULT_BATCH;
      parameters.n_outputs_max = shape.sequences;
      parameters.n_threads = threads;
      parameters.n_threads_batch = threads;
      parameters.no_perf = true;
    });
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
