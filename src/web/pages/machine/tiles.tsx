import type { ComponentChildren } from "preact";
import { history, type Status } from "../../events/mod.ts";
import { duration, rate, size } from "../../ui/mod.ts";
import { cachedShare, linePoints, usedMemory } from "./figures.ts";

/** The figures of the whole server. */
export function Tiles({ status }: { readonly status: Status }) {
  const { requests, completion_per_second, prompt_per_second, models, memory } = status;
  const cached = cachedShare(models);
  const used = usedMemory(status);
  return (
    <div class="tiles">
      <Tile name="Answers" value={rate(completion_per_second)} id="completion-rate">
        <RateLine values={history.value.map(({ completion }) => completion)} />
      </Tile>
      <Tile name="Prompts" value={rate(prompt_per_second)} id="prompt-rate">
        <RateLine values={history.value.map(({ prompt }) => prompt)} />
      </Tile>
      <Tile name="Requests running" value={String(requests.running)} id="running" />
      <Tile name="Requests waiting" value={String(requests.waiting)} id="waiting" />
      <Tile
        name="Prompt tokens from the cache"
        value={cached === null ? "no prompts yet" : `${Math.round(cached * 100)} %`}
        id="cached"
      />
      <Tile
        name="Memory in use"
        value={used === null ? "unknown" : `${size(used.used)} of ${size(used.total)}`}
        id="memory"
      >
        <span class="faint">server {size(memory.process_bytes)}</span>
      </Tile>
      <Tile name="Running for" value={duration(status.uptime_seconds * 1000)} id="uptime">
        {status.missed > 0 && <span class="failure">{status.missed} events missed</span>}
      </Tile>
    </div>
  );
}

function Tile({ name, value, id, children }: {
  readonly name: string;
  readonly value: string;
  readonly id: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="tile" data-tile={id}>
      <span class="faint">{name}</span>
      <strong>{value}</strong>
      {children}
    </div>
  );
}

const BOX = { width: 120, height: 28, most: 120 };

/** A rate over the last two minutes. The number beside it is for screen readers. */
function RateLine({ values }: { readonly values: readonly number[] }) {
  return (
    <svg class="rate-line" viewBox={`0 -1 ${BOX.width} ${BOX.height + 2}`} aria-hidden="true">
      <polyline points={linePoints(values, BOX)} />
    </svg>
  );
}
