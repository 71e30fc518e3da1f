import type { Library, Model } from "../../../ffi/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/**
 * Identifies everything except adapters that a saved KV cache state depends on. Engines with the
 * same fingerprint can restore each other's states.
 */
export function fingerprint(library: Library, model: Model, options: LoadOptions): string {
  const { modelPaths, kvType, flashAttention } = options;
  const file = (path: string) => {
    const { size, mtime } = Deno.statSync(path);
    return [size, mtime?.getTime() ?? 0];
  };
  return JSON.stringify([
    library.version,
    model.description,
    model.parameters,
    modelPaths.map(file),
    kvType,
    flashAttention,
  ]);
}
