import { messageOf, ShimmyError } from "../../src/errors.ts";

/**
 * Opens a library file.
 *
 * @param name the library, for errors
 * @throws {ShimmyError} `backend` if the system cannot load it or it lacks a function. `detail` has the path
 */
export function loadFile<S extends Deno.ForeignLibraryInterface>(
  name: string,
  path: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(path, symbols);
  } catch (cause) {
    // Without the permission, the error of Deno names the missing flag.
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const missing = /Failed to register symbol (\w+)/.exec(messageOf(cause))?.[1];
    const message = missing
      ? `Cannot open ${name}: it lacks the function ${missing}`
      : `Cannot open ${name}: the system cannot load it`;
    throw new ShimmyError("backend", message, { detail: `${path}: ${messageOf(cause)}`, cause });
  }
}
