import type { ToolFormat } from "./format.ts";
import { hermes } from "./hermes.ts";

/** Every format, the more particular ones first. */
export const FORMATS: readonly ToolFormat[] = [hermes];

/** The format a chat template makes its model speak. */
export function detectFormat(template: string): ToolFormat {
  return FORMATS.find((format) => format.matches(template)) ?? hermes;
}
