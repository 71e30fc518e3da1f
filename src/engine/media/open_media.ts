import { basename } from "node:path";
import {
  type Library,
  MediaContext,
  type Model,
  NativeError,
  openMediaLibrary,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ProjectorOptions } from "../protocol/mod.ts";

/** How a projector is computed. */
export interface EncoderOptions {
  readonly threads: number;
  readonly isOnCpu: boolean;
  /** `LLAMA_FLASH_ATTN_TYPE`. */
  readonly flashAttention: number;
}

/** A projector that is open, or why it is not used. */
export type OpenedMedia = MediaContext | { readonly refusal: string };

/**
 * Opens the projector of a model. `stack` closes it and libmtmd. One that the model cannot use is closed at once.
 *
 * @throws {ShimmyError} for a projector that is not optional: `not_found` without libmtmd; `backend` if it cannot
 * be loaded
 */
export function openMedia(
  library: Library,
  model: Model,
  projector: ProjectorOptions,
  { threads, isOnCpu, flashAttention }: EncoderOptions,
  stack: DisposableStack,
): OpenedMedia {
  using own = new DisposableStack();
  try {
    const media = own.use(openMediaLibrary(library));
    const useGpu = projector.offload && !isOnCpu;
    const options = { path: projector.path, useGpu, threads, flashAttention };
    const context = own.use(MediaContext.open(media, model, options));
    const refusal = refusalOf(context);
    if (refusal !== null) return { refusal };
    stack.use(own.move());
    return context;
  } catch (cause) {
    const error = explained(cause, projector);
    if (!projector.isOptional) throw error;
    return { refusal: error.message };
  }
}

/** Why a model does not use a projector; null if it does. */
function refusalOf({ vision, audio }: MediaContext): string | null {
  return vision || audio ? null : "The projector of the model reads neither images nor audio";
}

function explained(cause: unknown, { path }: ProjectorOptions): ShimmyError {
  if (cause instanceof NativeError) {
    const message =
      `Cannot load projector '${basename(path)}': it is damaged, belongs to another ` +
      "model, or has a type that this libmtmd does not know";
    return new ShimmyError("backend", message, { detail: path, cause });
  }
  if (cause instanceof ShimmyError && cause.kind === "not_found") {
    const message =
      "The model reads images and audio only with libmtmd, which the installed libraries lack: " +
      "run `shimmy runtime install VARIANT --archive`, and set SHIMMY_LIBLLAMA to the folder that " +
      "it prints";
    return new ShimmyError("not_found", message, { detail: cause.detail ?? "", cause });
  }
  if (cause instanceof ShimmyError) return cause;
  throw cause;
}
