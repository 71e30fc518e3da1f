import { ShimmyError } from "../../errors.ts";
import type { Lora } from "./entry.ts";
import { modelName } from "./names.ts";

/** The name by which requests choose an adapter. */
export function adapterName({ name, path }: Pick<Lora, "name" | "path">): string {
  return name?.toLowerCase() ?? modelName(path);
}

/**
 * An adapter as `--lora` and `SHIMMY_LORA_GGUF` name it: `FILE` or `FILE:SCALE`. A drive letter's colon
 * is no separator, because no number follows it.
 *
 * @param option What the text was given as, for the error.
 * @throws {ShimmyError} `invalid`, when the file is missing or the scale is no number.
 */
export function parseLora(text: string, option = "--lora"): Lora {
  const [, path, scale] = /^(.*?):([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.exec(text) ??
    [undefined, text, "1"];
  if (!path || !Number.isFinite(Number(scale)) || /\.gguf:[^/\\]*$/i.test(path)) {
    throw new ShimmyError("invalid", `${option}: must be FILE or FILE:SCALE, as in a.gguf:0.5`, {
      field: option,
    });
  }
  return { path, scale: Number(scale) };
}
