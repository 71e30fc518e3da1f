import { ShimmyError } from "../../errors.ts";
import type { Lora } from "./entry.ts";
import { modelName } from "./names.ts";

/** The name of an adapter in requests. */
export function adapterName({ name, path }: Pick<Lora, "name" | "path">): string {
  return name?.toLowerCase() ?? modelName(path);
}

/**
 * Parses an adapter as in `--lora` and `SHIMMY_LORA_GGUF`: `FILE` or `FILE:SCALE`. The colon of a
 * drive letter is not a separator, because no number follows it.
 *
 * @param option Name of the option, for the error.
 * @throws {ShimmyError} `invalid` if the file is missing or the scale is not a number.
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
