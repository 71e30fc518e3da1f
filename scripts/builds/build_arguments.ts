import { parseArgs } from "@std/cli/parse-args";
import { type Variant, VARIANTS } from "../../src/runtime/mod.ts";
import { SourceError } from "../ffi/source.ts";

/**
 * Arguments of a build: `[FOLDER] [--variant NAME]`.
 *
 * @param folder the folder without an argument
 * @returns `variant` throws a {@linkcode SourceError} for an unknown name.
 */
export function buildArguments(
  folder: string,
): { readonly folder: string; readonly variant: () => Variant } {
  const { variant = "cpu", _: [given = folder] } = parseArgs(Deno.args, {
    string: ["variant"],
  }) as { variant?: string; _: string[] };
  return { folder: String(given), variant: () => variantOf(variant) };
}

function variantOf(name: string): Variant {
  const variant = VARIANTS.find((one) => one === name);
  if (variant !== undefined) return variant;
  throw new SourceError(`--variant: must be one of ${VARIANTS.join(", ")}, not '${name}'`);
}
