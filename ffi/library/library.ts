import { messageOf, ShimmyError } from "../../src/errors.ts";
import { GGML_BASE_SYMBOLS, GGML_REGISTRY_SYMBOLS } from "../generated/ggml_symbols.ts";
import { LLAMA_SYMBOLS } from "../generated/llama_symbols.ts";
import { type LibraryFiles, locateLibrary } from "./locate.ts";
import { LLAMA_VERSION } from "./version.ts";

export { LLAMA_VERSION } from "./version.ts";

/** The functions of llama.h under their C names. */
export type LlamaSymbols = Deno.DynamicLibrary<typeof LLAMA_SYMBOLS>["symbols"];

/** The functions of ggml that are bound, under their C names. */
export type GgmlSymbols =
  & Deno.DynamicLibrary<typeof GGML_BASE_SYMBOLS>["symbols"]
  & Deno.DynamicLibrary<typeof GGML_REGISTRY_SYMBOLS>["symbols"];

/** An open libllama. */
export interface Library extends Disposable {
  readonly folder: string;
  /** What `llama_version()` says, such as `0.5.0-dev`. */
  readonly version: string;
  /** @throws {ShimmyError} after {@linkcode Library.close} */
  readonly llama: LlamaSymbols;
  /** @throws {ShimmyError} after {@linkcode Library.close} */
  readonly ggml: GgmlSymbols;
  /** Address of a function that does nothing and takes no arguments; see `logs.ts`. */
  readonly harmless: Deno.PointerValue;
  readonly closed: boolean;
  /** Closes the library; a second call does nothing. Free models and contexts first. */
  close(): void;
}

/**
 * Opens libllama and the ggml libraries beside it.
 *
 * @param folder the folder that holds them, and the ggml backends
 * @throws {ShimmyError} `not_found` where the folder does not hold the library; `backend` where it
 * cannot be loaded, is not version {@linkcode LLAMA_VERSION} or lacks a function. `detail` has the path
 */
export function openLibrary(folder: string): Library {
  const files = locateLibrary(folder, Deno.build.os);
  const opened: { close(): void }[] = [];
  const open = <S extends Deno.ForeignLibraryInterface>(path: string, symbols: S) => {
    const library = load(path, symbols);
    opened.push(library);
    return library.symbols;
  };
  const close = () => {
    while (opened.length) opened.pop()?.close();
  };
  try {
    return openFiles(folder, files, open, close);
  } catch (error) {
    close();
    throw error;
  }
}

function openFiles(
  folder: string,
  files: LibraryFiles,
  open: <S extends Deno.ForeignLibraryInterface>(
    path: string,
    symbols: S,
  ) => Deno.DynamicLibrary<S>["symbols"],
  close: () => void,
): Library {
  // Windows looks for the libraries that a library needs in the program's folder, not in the
  // library's own; what is loaded already satisfies it. So: the ones that need nothing first.
  open(files.ggmlBase, {});
  open(files.ggml, {});
  const version = readVersion(open(files.llama, VERSION_SYMBOLS), files.llama);

  const base = open(files.ggmlBase, { ...GGML_BASE_SYMBOLS, ...HARMLESS });
  const registry = open(files.ggml, GGML_REGISTRY_SYMBOLS);
  const llama: LlamaSymbols = open(files.llama, LLAMA_SYMBOLS);
  const { harmless, ...baseFunctions } = base;
  const ggml: GgmlSymbols = { ...baseFunctions, ...registry };

  let closed = false;
  const use = <T>(value: T): T => {
    if (closed) throw new ShimmyError("backend", "Cannot use libllama: it is closed");
    return value;
  };
  return {
    folder,
    version,
    get llama() {
      return use(llama);
    },
    get ggml() {
      return use(ggml);
    },
    get harmless() {
      return use(harmless);
    },
    get closed() {
      return closed;
    },
    close() {
      // Closing only takes back what was opened here. Backends are never unloaded by ggml, because
      // their threads may still run, and they keep libggml-base; so no driver goes away under its
      // own threads, and the library can be opened again, here or in another thread.
      closed = true;
      close();
    },
    [Symbol.dispose]() {
      this.close();
    },
  };
}

const VERSION_SYMBOLS = {
  llama_version: { parameters: [], result: "pointer", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * `ggml_version` by its address: a function of no parameters that returns a constant. Wherever Deno
 * runs, the caller removes the arguments, so calling it with some is harmless. It is in libggml-base,
 * which the backends keep loaded for as long as the process lives, even once libllama is closed.
 */
const HARMLESS = {
  harmless: { type: "pointer", name: "ggml_version" },
} as const satisfies Deno.ForeignLibraryInterface;

function load<S extends Deno.ForeignLibraryInterface>(
  path: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(path, symbols);
  } catch (cause) {
    // Without the permission, Deno's own error says which flag is missing.
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const missing = /Failed to register symbol (\w+)/.exec(messageOf(cause))?.[1];
    const message = missing
      ? `Cannot open libllama: it lacks the function ${missing}`
      : "Cannot open libllama: the system cannot load it";
    throw new ShimmyError("backend", message, { detail: `${path}: ${messageOf(cause)}`, cause });
  }
}

function readVersion(
  { llama_version }: Deno.DynamicLibrary<typeof VERSION_SYMBOLS>["symbols"],
  path: string,
): string {
  const pointer = llama_version?.();
  const version = pointer ? Deno.UnsafePointerView.getCString(pointer) : "unknown";
  // Whoever builds it outside of llama.cpp's own release gets the suffix "-dev" on the same sources.
  if (version.replace(/-dev$/, "") === LLAMA_VERSION) return version;
  throw new ShimmyError(
    "backend",
    `Cannot use libllama ${version}: this program needs ${LLAMA_VERSION}`,
    { detail: path },
  );
}
