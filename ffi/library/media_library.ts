import { ShimmyError } from "../../src/errors.ts";
import { MTMD_SYMBOLS } from "../generated/mtmd_symbols.ts";
import type { Library } from "./library.ts";
import { loadFile } from "./load_file.ts";
import { locateMediaLibrary } from "./locate.ts";

/** Functions that take long. They run in another thread and return a promise. */
const ASYNCHRONOUS_SYMBOLS = {
  mtmd_helper_bitmap_init_from_buf: {
    ...MTMD_SYMBOLS.mtmd_helper_bitmap_init_from_buf,
    nonblocking: true,
  },
  mtmd_tokenize_from_parts: { ...MTMD_SYMBOLS.mtmd_tokenize_from_parts, nonblocking: true },
  mtmd_encode_chunk: { ...MTMD_SYMBOLS.mtmd_encode_chunk, nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

const SYMBOLS = { ...MTMD_SYMBOLS, ...ASYNCHRONOUS_SYMBOLS } as const;

/** An open libmtmd, which turns images and audio into rows of embeddings. */
export interface MediaLibrary extends Disposable {
  /** The libllama that it belongs to. */
  readonly library: Library;
  /** The bound functions of mtmd.h and mtmd-helper.h under their C names. */
  readonly mtmd: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
}

/**
 * Opens libmtmd in the folder of an open libllama. Its log is disabled: a callback into JavaScript from the
 * threads in which it works would wait for ever.
 *
 * libmtmd has no function that tells its version. It must come from the build of the libllama beside it.
 *
 * @throws {ShimmyError} `not_found` if the folder lacks it; `backend` if it cannot be loaded.
 */
export function openMediaLibrary(library: Library): MediaLibrary {
  const path = locateMediaLibrary(library.folder, Deno.build.os);
  if (path === null) {
    throw new ShimmyError("not_found", "The folder of libllama has no libmtmd", {
      detail: library.folder,
    });
  }
  const opened = loadFile("libmtmd", path, SYMBOLS);
  opened.symbols.mtmd_helper_log_set(library.noop, null);
  return { library, mtmd: opened.symbols, [Symbol.dispose]: () => opened.close() };
}
