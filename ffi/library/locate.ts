import { join } from "node:path";
import { ShimmyError } from "../../src/errors.ts";
import { LLAMA_VERSION } from "./version.ts";

/** The library files of libllama in a folder. */
export interface LibraryFiles {
  readonly llama: string;
  /** The backend registry. */
  readonly ggml: string;
  readonly ggmlBase: string;
}

const EXTENSION = { windows: "dll", darwin: "dylib" } as const;

/**
 * Finds libllama and its ggml libraries in a folder, under all names they are published with:
 * `libllama.so`, `libllama.v0.5.0.so`, `libllama.vulkan.v0.5.0.so`, `libllama.0.5.0.dylib`,
 * `llama.dll`.
 *
 * @throws {ShimmyError} `not_found` if the folder or the library does not exist
 */
export function locateLibrary(folder: string, os: typeof Deno.build.os): LibraryFiles {
  const extension = os === "windows" || os === "darwin" ? EXTENSION[os] : "so";
  const names = filesIn(folder);
  const llama = find(names, "llama", extension);
  const ggml = llama && (find(names, "ggml", extension, llama.marks) ?? llama);
  const base = ggml && (find(names, "ggml-base", extension, llama.marks) ?? ggml);
  if (!llama || !ggml || !base) {
    throw new ShimmyError("not_found", "Cannot open libllama: the folder does not contain it", {
      detail: `${folder}: no file named like libllama.${extension}`,
    });
  }
  return {
    llama: join(folder, llama.name),
    ggml: join(folder, ggml.name),
    ggmlBase: join(folder, base.name),
  };
}

/**
 * Finds libmtmd, which reads images and audio, beside libllama. Null if the folder lacks it, as the npm
 * packages do.
 *
 * @throws {ShimmyError} `not_found` if the folder does not exist
 */
export function locateMediaLibrary(folder: string, os: typeof Deno.build.os): string | null {
  const extension = os === "windows" || os === "darwin" ? EXTENSION[os] : "so";
  const names = filesIn(folder);
  const llama = find(names, "llama", extension);
  const found = find(names, "mtmd", extension, llama?.marks);
  return found === undefined ? null : join(folder, found.name);
}

/**
 * Finds a backend that ggml loads: `libggml-rpc.so`, `ggml-rpc.dll` on Windows. Null if the folder lacks it.
 *
 * @throws {ShimmyError} `not_found` if the folder does not exist
 */
export function locateBackend(
  folder: string,
  name: string,
  os: typeof Deno.build.os,
): string | null {
  // On macOS, ggml gives backends the extension of Linux.
  const file = os === "windows" ? `ggml-${name}.dll` : `libggml-${name}.so`;
  return filesIn(folder).includes(file) ? join(folder, file) : null;
}

/** @throws {ShimmyError} `not_found` if the folder cannot be read. */
function filesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => !entry.isDirectory)
      .map((entry) => entry.name);
  } catch (cause) {
    throw new ShimmyError("not_found", "Cannot open libllama: its folder cannot be read", {
      detail: folder,
      cause,
    });
  }
}

interface Found {
  readonly name: string;
  /** Text between name and extension: `.vulkan.v0.5.0`. */
  readonly marks: string;
}

/**
 * Finds the file of a library.
 *
 * @param preferred suffix of the library it belongs to
 */
function find(
  names: readonly string[],
  library: string,
  extension: string,
  preferred?: string,
): Found | undefined {
  const pattern = new RegExp(`^(?:lib)?${library}((?:\\.[\\w-]+)*?)\\.${extension}(?:\\.\\d+)*$`);
  const found = names.flatMap((name) => {
    const marks = pattern.exec(name)?.[1];
    return marks === undefined ? [] : [{ name, marks }];
  });
  const rank = ({ marks }: Found) =>
    marks === preferred
      ? 0
      : preferred === undefined && marks.endsWith(`v${LLAMA_VERSION}`)
      ? 1
      : 2;
  return found.sort((a, b) =>
    rank(a) - rank(b) || a.name.length - b.name.length || (a.name < b.name ? -1 : 1)
  )[0];
}
