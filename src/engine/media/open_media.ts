import { basename } from "@std/path";
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

/**
 * Opens the projector of a model. `stack` closes it and libmtmd.
 *
 * @returns the reason why it cannot be used, if it is optional
 * @throws {ShimmyError} `not_found` without libmtmd; `backend` if it cannot be loaded
 */
export function openMedia(
  library: Library,
  model: Model,
  projector: ProjectorOptions,
  { threads, isOnCpu, flashAttention }: EncoderOptions,
  stack: DisposableStack,
): MediaContext | string {
  try {
    const media = stack.use(openMediaLibrary(library));
    const useGpu = projector.offload && !isOnCpu;
    const options = { path: projector.path, useGpu, threads, flashAttention };
    return stack.use(MediaContext.open(media, model, options));
  } catch (cause) {
    const error = explained(cause, projector);
    if (!projector.isOptional) throw error;
    return error.message;
  }
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
      "The model reads images only with libmtmd, which the installed libraries lack: " +
      "build it with `deno task build:mtmd`, and set SHIMMY_LIBLLAMA to the folder";
    return new ShimmyError("not_found", message, { detail: cause.detail ?? "", cause });
  }
  if (cause instanceof ShimmyError) return cause;
  throw cause;
}
