import { useSignal } from "@preact/signals";
import type { ModelSummary } from "../../api/mod.ts";
import { status, statusAt } from "../../events/mod.ts";
import { announce, count, size } from "../../ui/mod.ts";
import type { Asked } from "./asked.ts";
import { load, loads } from "./load.ts";
import { Progress } from "./progress.tsx";
import { listedAt, messageOf, unload } from "./store.ts";

/** A model with its facts and what can be done with it. */
export function ModelCard({ model, ask }: {
  readonly model: ModelSummary;
  readonly ask: (asked: Asked) => void;
}) {
  const { name } = model;
  const own = loads.value.get(name);
  const live = status.value?.models.find((one) => one.name === name);
  // A model that was loaded and unloaded between two events changes in neither of them.
  const now = statusAt.value > listedAt.value ? live?.state ?? "unloaded" : model.state;
  const state = own === undefined ? now : "loading";
  const isBusy = useSignal(false);
  const run = async (work: () => Promise<void>) => {
    isBusy.value = true;
    await work().catch((error) => announce(messageOf(error), { isError: true }));
    isBusy.value = false;
  };
  return (
    <li class="card" data-model={name} data-state={state}>
      <header class="row">
        <h2>{name}</h2>
        <span class={`state state-${state}`}>{state}</span>
      </header>
      <Facts model={model} />
      {live?.error && <p class="failure">{live.error}</p>}
      {state === "loading" && (
        <Progress label={`Load of ${name}`} share={own?.progress ?? live?.progress ?? 0} text="" />
      )}
      <div class="actions">
        {own !== undefined && <button type="button" onClick={own.cancel}>Cancel</button>}
        {(state === "unloaded" || state === "failed") && (
          <button
            type="button"
            class="primary"
            onClick={() => void load(name)}
          >
            Load
          </button>
        )}
        {state === "loaded" && (
          <button
            type="button"
            disabled={isBusy.value}
            onClick={() => void run(() => unload(name))}
          >
            Unload
          </button>
        )}
        <button type="button" onClick={() => ask({ what: "plan", name })}>Plan</button>
        <button type="button" onClick={() => ask({ what: "adapters", name })}>Adapters</button>
        {model.deletable && (
          <button
            type="button"
            class="danger"
            onClick={() => ask({ what: "delete", name })}
          >
            Delete
          </button>
        )}
      </div>
    </li>
  );
}

function Facts({ model }: { readonly model: ModelSummary }) {
  const { kind, size: bytes, quantization, parameters, context_length, architecture, source } =
    model;
  const facts: readonly (readonly [string, string])[] = [
    ["Kind", kind],
    ["Size", size(bytes)],
    ["Quantization", quantization],
    ...(parameters === null ? [] : [["Parameters", count(parameters)] as const]),
    ...(context_length === null ? [] : [["Context", `${count(context_length)} tokens`] as const]),
    ["Architecture", architecture],
    ["Source", model.removed ? "the file was removed" : source],
  ];
  return (
    <dl class="facts">
      {facts.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
