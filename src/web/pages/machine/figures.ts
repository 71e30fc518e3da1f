import type { DeviceMemory } from "../../memory/mod.ts";
import type { ModelFigures, Status } from "../../events/mod.ts";

/** The share of prompt tokens that were cached, of all loaded models; null without prompts. */
export function cachedShare(models: readonly ModelFigures[]): number | null {
  let [cached, prompt] = [0, 0];
  for (const { statistics } of models) {
    cached += statistics?.cached_tokens ?? 0;
    prompt += statistics?.prompt_tokens ?? 0;
  }
  return prompt === 0 ? null : cached / prompt;
}

/** Used memory of the system; null where the server may not ask. */
export function usedMemory({ memory }: Status): { used: number; total: number } | null {
  const { available_bytes, total_bytes } = memory;
  if (available_bytes === null || total_bytes === null) return null;
  return { used: total_bytes - available_bytes, total: total_bytes };
}

/** The memory of a loaded model on each device. The bars show the model alone. */
export function modelMemory({ placement = [] }: ModelFigures): readonly DeviceMemory[] {
  return placement.map(({ device, weight_bytes, kv_bytes, compute_bytes }) => ({
    device,
    weights: weight_bytes,
    kv: kv_bytes,
    compute: compute_bytes,
  }));
}

/** The points of a line in a box of the given size, as SVG has them; the last value is at the right. */
export function linePoints(
  values: readonly number[],
  { width, height, most }: {
    readonly width: number;
    readonly height: number;
    readonly most: number;
  },
): string {
  const top = Math.max(1, ...values);
  const step = width / Math.max(1, most - 1);
  const from = width - (values.length - 1) * step;
  const round = (value: number) => Math.round(value * 10) / 10;
  return values
    .map((value, index) => `${round(from + index * step)},${round(height - value / top * height)}`)
    .join(" ");
}
