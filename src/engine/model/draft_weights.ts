import type { Context, Library, Model, Vocab } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { DEFAULT_BATCH } from "./context_options.ts";
import type { LoadOptions } from "../protocol/mod.ts";
import { type LoadObserver, readWeights } from "./weights.ts";

/** What a model that drafts is opened with. */
export interface DraftOptions {
  readonly paths: readonly string[];
  /** The model it drafts for. */
  readonly model: Model;
  readonly options: LoadOptions;
  /** Tokens of one sequence. */
  readonly length: number;
  readonly threads: number;
  /** Goes through it without memory. */
  readonly noAllocation?: boolean;
}

const OTHER_VOCABULARY = "The draft model has another vocabulary than the model";
/** What is told where a model does without the one that shall draft. */
export const DRAFT_NOT_USED = `${OTHER_VOCABULARY}, which does without it`;

/**
 * Opens the model that drafts, with a context that has the same streams; both are closed with `stack`.
 * Null where its vocabulary is another one and the options allow to do without it.
 * @throws {ShimmyError} `invalid` where they do not; what `readWeights` throws.
 */
export function openDraft(
  library: Library,
  { paths, model, options, length, threads, noAllocation = false }: DraftOptions,
  observer: LoadObserver,
  stack: DisposableStack,
): Context | null {
  const draft = stack.use(readWeights(library, paths, options, observer, noAllocation));
  if (!sharesVocabulary(model.vocab, draft.vocab)) {
    if (options.isDraftOptional) {
      draft.close();
      return null;
    }
    throw new ShimmyError("invalid", OTHER_VOCABULARY, { field: "draft", detail: paths[0]! });
  }
  return stack.use(draft.createContext((parameters) => {
    parameters.n_ctx = length * options.parallel;
    parameters.n_seq_max = options.parallel;
    parameters.n_batch = DEFAULT_BATCH;
    parameters.n_ubatch = DEFAULT_BATCH;
    parameters.n_outputs_max = options.parallel;
    parameters.n_threads = threads;
    parameters.n_threads_batch = threads;
    parameters.no_perf = true;
  }));
}

/** Whether every token means the same in both. */
function sharesVocabulary(one: Vocab, other: Vocab): boolean {
  if (one.size !== other.size) return false;
  for (let token = 0; token < one.size; token++) {
    if (one.text(token) !== other.text(token)) return false;
  }
  return true;
}
