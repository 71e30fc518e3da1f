import type { Library, Model } from "../../../ffi/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/**
 * Everything a state of the KV cache depends on but its adapters, as one text: two engines with the same one can read
 * each other's states.
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
