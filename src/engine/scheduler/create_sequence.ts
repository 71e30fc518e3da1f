import { ShimmyError } from "../../errors.ts";
import { messageBoundaries } from "../kv_cache/mod.ts";
import type { OpenedSession, StoredPrefixes } from "../stored_prefixes/mod.ts";
import type { MediaRuns } from "../media/mod.ts";
import { isMediaToken, type SequenceRequest } from "../protocol/mod.ts";
import { TokenSampler } from "../sampling/mod.ts";
import { beginAnswer, type EditTools } from "./changes/edit_sequence.ts";
import type { GenerationContext } from "./generation.ts";
import { Sequence } from "./sequence.ts";

/**
 * Creates the sequence of a request: acquires adapters, opens the session and builds the sampler.
 *
 * @param prompt the tokens of the prompt, and its images and sounds.
 * @param cellsUsed cells of the context that were written.
 * @throws {ShimmyError} `invalid` for an empty prompt, grammar or session that cannot be used;
 * `not_found` for an unknown adapter; `context_length` with both token counts.
 */
export function createSequence(
  id: number,
  request: SequenceRequest,
  { tokens: prompt, media }: { readonly tokens: number[]; readonly media: MediaRuns },
  model: GenerationContext,
  stored: StoredPrefixes,
  cellsUsed: number,
  tools: Omit<EditTools, "cache">,
): Sequence {
  const place = placeFor(prompt.length, !media.isEmpty, request, model, cellsUsed);
  const { length, room, contextShift, isWhole } = place;
  const requested = request.maxTokens ?? room;
  const maxTokens = contextShift ? requested : Math.min(requested, room);
  const adapters = model.adapters.acquire(request.loras);
  let session: OpenedSession | null = null;
  try {
    session = stored.open(request, adapters.key);
    const sampler = new TokenSampler(model.sampling, request, prompt);
    const limits = { maxTokens, length, mayShift: contextShift };
    const sequence = new Sequence(
      id,
      request,
      prompt,
      sampler,
      limits,
      adapters,
      session,
      media,
    );
    if (!model.canTruncate) {
      const { vocab } = model.sampling;
      sequence.boundaries = messageBoundaries(
        prompt,
        (token) => !isMediaToken(token) && vocab.isControl(token),
      );
    }
    if (request.begun !== undefined) {
      const held = isWhole ? Infinity : Math.min(length, model.sequenceLength);
      beginAnswer(sequence, request.begun, held, tools);
    }
    return sequence;
  } catch (error) {
    if (session !== null) stored.close(session);
    model.adapters.release(adapters);
    throw error;
  }
}

/** How a prompt fits the context. */
interface PromptPlace {
  /** Maximum tokens of prompt and answer. */
  readonly length: number;
  /** Tokens that the answer may have without a context shift. */
  readonly room: number;
  readonly contextShift: boolean;
  /** Whether the tokens that the answer begins with fit too, without a context shift. */
  readonly isWhole: boolean;
}

/**
 * Checks the length of a prompt.
 *
 * @param prompt its tokens
 * @param hasMedia whether it has images
 * @throws {ShimmyError} `invalid` for an empty prompt, and for options that do not work with images;
 * `context_length` with both token counts.
 */
export function placeFor(
  prompt: number,
  hasMedia: boolean,
  request: SequenceRequest,
  model: Pick<
    GenerationContext,
    "contextShift" | "maxLength" | "sequenceLength" | "longestLength" | "larger"
  >,
  cellsUsed: number,
): PromptPlace {
  if (hasMedia) checkMediaRequest(request);
  // A shift would cut images.
  const contextShift = model.contextShift && !hasMedia;
  const length = Math.min(model.maxLength, request.contextLength ?? Infinity);
  if (prompt === 0) {
    throw new ShimmyError("invalid", "prompt: must not be empty", { field: "prompt" });
  }
  // A prompt may fill the context if no tokens are to be generated.
  const least = request.maxTokens === 0 ? 0 : 1;
  const holds = (needed: number) =>
    needed <= model.sequenceLength || model.larger(needed, cellsUsed) !== null;
  const fits = (begun: number) => {
    const needed = prompt + begun + least;
    return needed <= length && holds(needed);
  };
  const isWhole = fits(request.begun?.tokens.length ?? 0);
  if (!isWhole && !(contextShift && fits(0))) {
    const longest = Math.min(length, model.longestLength);
    throw tooLong(prompt, holds(longest) ? longest : Math.min(length, model.sequenceLength));
  }
  return { length, room: length - prompt, contextShift, isWhole };
}

/** @throws {ShimmyError} `invalid` for options that do not work with images and sounds. */
function checkMediaRequest({ promptLogprobs }: SequenceRequest): void {
  if (promptLogprobs === undefined) return;
  const field = "prompt_logprobs";
  const message = `${field}: is not supported with images and audio: rows have no probability`;
  throw new ShimmyError("invalid", message, { field });
}

/** The error of a prompt that is longer than any context that memory allows. */
export function tooLong(tokens: number, length: number): ShimmyError {
  return new ShimmyError(
    "context_length",
    `The prompt has ${tokens} tokens, but the context holds ${length}`,
    { field: "prompt", overflow: { promptTokens: tokens, contextLength: length } },
  );
}
