import { size } from "../ui/mod.ts";
import { barOf, type DeviceMemory, type PartKind } from "./parts.ts";

export type { DeviceMemory } from "./parts.ts";

const NAMES: Readonly<Record<PartKind, string>> = {
  used: "in use",
  weights: "weights",
  kv: "KV cache",
  compute: "compute",
  cache: "cached states, at most",
  reserved: "reserve",
};

/** The memory of one device as a bar with its figures. */
export function DeviceBar({ memory }: { readonly memory: DeviceMemory }) {
  const { parts, needed, isOver } = barOf(memory);
  const text = parts.map(({ kind, bytes }) => `${NAMES[kind]} ${size(bytes)}`).join(", ");
  const of = memory.total === undefined ? "" : ` of ${size(memory.total)}`;
  return (
    <div class="device-bar">
      <p>
        <strong>{memory.device}</strong> <span>{size(needed)}{of}</span>
        {isOver && <span class="failure">does not fit</span>}
      </p>
      <div
        class={isOver ? "stack over" : "stack"}
        role="img"
        aria-label={`${memory.device}: ${text}${of}`}
      >
        {parts.map(({ kind, share, bytes }) => (
          <span
            key={kind}
            class={`part part-${kind}`}
            style={{ width: `${share * 100}%` }}
            title={`${NAMES[kind]}: ${size(bytes)}`}
          />
        ))}
      </div>
      <p class="faint">{text}</p>
    </div>
  );
}

/** The colours of the bars. */
export function MemoryLegend({ kinds }: { readonly kinds: readonly PartKind[] }) {
  return (
    <ul class="legend" aria-label="Colours of the bars">
      {kinds.map((kind) => (
        <li key={kind}>
          <span class={`part part-${kind}`} /> {NAMES[kind]}
        </li>
      ))}
    </ul>
  );
}
