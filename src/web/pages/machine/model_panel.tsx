import type { ModelFigures } from "../../events/mod.ts";
import { DeviceBar, LayerStrip, MemoryLegend } from "../../memory/mod.ts";
import { rate } from "../../ui/mod.ts";
import { modelMemory } from "./figures.ts";

/** A model that is loaded, loading or failed: its layers, memory, slots and counts. */
export function ModelPanel({ model }: { readonly model: ModelFigures }) {
  const { name, state, progress, error } = model;
  return (
    <section class="card" data-model={name} aria-label={name}>
      <header class="row">
        <h3>{name}</h3>
        {model.description && <span class="faint">{model.description}</span>}
        <span class="space" />
        {state === "loaded" && <span>{rate(model.completion_per_second)}</span>}
        <span class={`state state-${state}`}>{state}</span>
      </header>
      {state === "loading" && <progress aria-label={`Load of ${name}`} max={1} value={progress} />}
      {error !== null && <p class="failure">{error}</p>}
      {state === "loaded" && <LoadedModel model={model} />}
    </section>
  );
}

function LoadedModel({ model }: { readonly model: ModelFigures }) {
  const { placement = [], kv_cells, notes = [] } = model;
  return (
    <>
      {placement.length === 0
        ? <p class="faint">libllama did not report where the layers lie.</p>
        : (
          <>
            <LayerStrip placement={placement} />
            {modelMemory(model).map((memory) => <DeviceBar key={memory.device} memory={memory} />)}
            <MemoryLegend kinds={["weights", "kv", "compute"]} />
          </>
        )}
      {kv_cells !== undefined && kv_cells.total > 0 && (
        <p>
          <label>
            KV cells: {kv_cells.used} of {kv_cells.total}{" "}
            <meter min={0} max={kv_cells.total} value={kv_cells.used} />
          </label>
        </p>
      )}
      <Counts model={model} />
      <Slots model={model} />
      {notes.length > 0 && <ul class="faint">{notes.map((note) => <li key={note}>{note}</li>)}</ul>}
    </>
  );
}

function Counts({ model: { statistics, queue, parallel, threads } }: {
  readonly model: ModelFigures;
}) {
  const counts: readonly (readonly [string, string | number | undefined])[] = [
    ["Running", queue === undefined ? undefined : `${queue.running} of ${parallel}`],
    ["Waiting", queue?.waiting],
    ["Threads", threads],
    ["Prompt tokens", statistics?.prompt_tokens],
    ["Cached tokens", statistics?.cached_tokens],
    ["Generated tokens", statistics?.completion_tokens],
    ["Accepted drafts", share(statistics?.acceptance_rate)],
    ["Evicted prefixes", statistics?.evictions],
    ["Preemptions", statistics?.preemptions],
  ];
  return (
    <dl class="facts">
      {counts.filter(([, value]) => value !== undefined).map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function share(value: number | null | undefined): string | undefined {
  return value === null || value === undefined ? undefined : `${Math.round(value * 100)} %`;
}

/** The sequences that run. */
function Slots({ model: { slots = [] } }: { readonly model: ModelFigures }) {
  const busy = slots.filter(({ running }) => running !== null);
  if (busy.length === 0) return null;
  return (
    <div class="scrolled">
      <table>
        <caption>Running sequences</caption>
        <thead>
          <tr>
            <th scope="col">Slot</th>
            <th scope="col">Prompt</th>
            <th scope="col">Cached</th>
            <th scope="col">Generated</th>
          </tr>
        </thead>
        <tbody>
          {busy.map(({ id, running }) => (
            <tr key={id}>
              <td>{id}</td>
              <td>{running!.prompt_tokens}</td>
              <td>{running!.cached_tokens}</td>
              <td>{running!.completion_tokens}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
