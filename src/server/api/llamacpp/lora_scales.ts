import type { Engine } from "../../../engine/mod.ts";
import type { AdapterInfo, LoraChoice } from "../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../errors.ts";

/** An adapter by its index in `GET /lora-adapters`, and its scale. */
export interface AdapterScale {
  readonly id: number;
  readonly scale: number;
}

/** @throws {ShimmyError} `invalid` for an index without an adapter. */
export function adapterOf({ adapters }: Pick<Engine, "adapters">, id: number): AdapterInfo {
  const adapter = adapters[id];
  if (adapter !== undefined) return adapter;
  throw new ShimmyError("invalid", `lora: there is no adapter ${id}; see GET /lora-adapters`, {
    field: "lora",
  });
}

/** The adapters of a request: those with a scale other than 0. */
export function lorasOf(engine: Engine, scales: readonly AdapterScale[]): LoraChoice[] {
  return scales.map(({ id, scale }) => ({ name: adapterOf(engine, id).name, scale }))
    .filter(({ scale }) => scale !== 0);
}
