import { ShimmyError } from "../../src/errors.ts";
import { GGML_BASE_SYMBOLS, GGML_REGISTRY_SYMBOLS } from "../generated/ggml_symbols.ts";
import { LLAMA_SYMBOLS } from "../generated/llama_symbols.ts";
import { loadFile } from "./load_file.ts";
import { type LibraryFiles, locateLibrary } from "./locate.ts";
import { LLAMA_VERSION } from "./version.ts";

export { LLAMA_VERSION } from "./version.ts";

/** Functions that run in another thread and return a promise. A call costs 17 us more. */
const ASYNCHRONOUS_SYMBOLS = {
  llama_tokenize_async: {
    ...LLAMA_SYMBOLS.llama_tokenize,
    name: "llama_tokenize",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of llama.h under their C names; those that end with `_async` return a promise. */
export type LlamaSymbols =
  & Deno.DynamicLibrary<typeof LLAMA_SYMBOLS>["symbols"]
  & Deno.DynamicLibrary<typeof ASYNCHRONOUS_SYMBOLS>["symbols"];

/** The bound functions of ggml under their C names. */
export type GgmlSymbols =
  & Deno.DynamicLibrary<typeof GGML_BASE_SYMBOLS>["symbols"]
  & Deno.DynamicLibrary<typeof GGML_REGISTRY_SYMBOLS>["symbols"];

/** An open libllama. */
export interface Library extends Disposable {
  readonly folder: string;
  /** Result of `llama_version()`, e.g. `0.5.0-dev`. */
  readonly version: string;
  /** @throws {ShimmyError} after {@linkcode Library.close} */
  readonly llama: LlamaSymbols;
  /** @throws {ShimmyError} after {@linkcode Library.close} */
  readonly ggml: GgmlSymbols;
  /** Address of a function that can be called as a callback and does nothing; see `logs.ts`. */
  readonly noop: Deno.PointerValue;
  readonly closed: boolean;
  /** Closes the library. Idempotent. Close models and contexts first. */
  close(): void;
}

/**
 * Opens libllama and its ggml libraries.
 *
 * @param folder folder of the libraries and the ggml backends
 * @throws {ShimmyError} `not_found` if the folder does not contain the library; `backend` if it
 * cannot be loaded, is not version {@linkcode LLAMA_VERSION} or lacks a function. `detail` has the
 * path
 */
export function openLibrary(folder: string): Library {
  const files = locateLibrary(folder, Deno.build.os);
  forbidDebugger();
  const opened: { close(): void }[] = [];
  const open = <S extends Deno.ForeignLibraryInterface>(path: string, symbols: S) => {
    const library = loadFile("libllama", path, symbols);
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

/** On a failed assertion, ggml would start a debugger, whose output goes to stdout. */
function forbidDebugger(): void {
  const variable = "GGML_NO_BACKTRACE";
  // Without the permission, a failed assertion has more output; the user need not be asked for it.
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  Deno.env.set(variable, "1");
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
  // Windows searches dependencies in the folder of the program, not of the library, but accepts
  // libraries that are already loaded. So load the libraries without dependencies first.
  open(files.ggmlBase, {});
  open(files.ggml, {});
  const version = readVersion(open(files.llama, VERSION_SYMBOLS), files.llama);

  const base = open(files.ggmlBase, { ...GGML_BASE_SYMBOLS, ...NOOP });
  const registry = open(files.ggml, GGML_REGISTRY_SYMBOLS);
  const llama: LlamaSymbols = open(files.llama, {
    ...LLAMA_SYMBOLS,
    ...ASYNCHRONOUS_SYMBOLS,
  });
  const { noop, ...baseFunctions } = base;
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
    get noop() {
      return use(noop);
    },
    get closed() {
      return closed;
    },
    close() {
      // Closes only the handles opened here. ggml never unloads backends, because their threads may
      // still run, and backends keep libggml-base loaded. So no driver is unloaded under its
      // threads, and the library can be opened again in any thread.
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
 * Address of `ggml_version`, a function without parameters that returns a constant. In the calling
 * conventions of all Deno targets the caller removes the arguments, so it can be called with any
 * arguments. It is in libggml-base, which backends keep loaded until the process ends.
 */
const NOOP = {
  noop: { type: "pointer", name: "ggml_version" },
} as const satisfies Deno.ForeignLibraryInterface;

function readVersion(
  { llama_version }: Deno.DynamicLibrary<typeof VERSION_SYMBOLS>["symbols"],
  path: string,
): string {
  const pointer = llama_version?.();
  const version = pointer ? Deno.UnsafePointerView.getCString(pointer) : "unknown";
  // Builds outside of llama.cpp's release process have the suffix "-dev" on the same sources.
  if (version.replace(/-dev$/, "") === LLAMA_VERSION) return version;
  throw new ShimmyError(
    "backend",
    `Cannot use libllama ${version}: this program needs ${LLAMA_VERSION}`,
    { detail: path },
  );
}
