import type { Library, Model } from "../../../ffi/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/** Properties of a context that decide what its states hold. */
export interface ContextLayout {
  /** Whether layers with a sliding window keep all cells. */
  readonly swaFull: boolean;
  /** Factor by which YaRN scales RoPE; null without scaling. */
  readonly ropeStretch: number | null;
  /** Factors of long RoPE; null without them. */
  readonly ropeFactors: "short" | "long" | null;
  /** Streams of the KV cache, where a state does not fit other numbers; else null. */
  readonly streams: number | null;
}

/**
 * Identifies everything except adapters that a saved KV cache state depends on. Engines with the
 * same fingerprint can restore each other's states.
 */
export function fingerprint(
  library: Library,
  model: Model,
  options: LoadOptions,
  layout: ContextLayout,
): string {
  return describe(library, model, options, layout, options.modelPaths.map(sizeAndTime));
}

/**
 * Like {@linkcode fingerprint}, without the model's files: on another machine, equal files have other times.
 */
export function portableFingerprint(
  library: Library,
  model: Model,
  options: LoadOptions,
  layout: ContextLayout,
): string {
  return describe(library, model, options, layout, []);
}

function sizeAndTime(path: string): number[] {
  const { size, mtime } = Deno.statSync(path);
  return [size, mtime?.getTime() ?? 0];
}

function describe(
  library: Library,
  model: Model,
  { kvType, flashAttention }: LoadOptions,
  { swaFull, ropeStretch, ropeFactors, streams }: ContextLayout,
  files: readonly (readonly number[])[],
): string {
  return JSON.stringify([
    library.version,
    model.description,
    model.parameters,
    files,
    kvType,
    flashAttention,
    swaFull,
    ropeStretch,
    streams,
    ...(ropeFactors === null ? [] : [ropeFactors]),
  ]);
}
