import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { ModelSummary } from "../../api/mod.ts";
import { changes, useLive } from "../../events/mod.ts";
import { AdaptersDialog } from "./adapters_dialog.tsx";
import type { Asked } from "./asked.ts";
import { DeleteDialog } from "./delete_dialog.tsx";
import { ModelCard } from "./model_card.tsx";
import { PlanDialog } from "./plan_dialog.tsx";
import { PullForm } from "./pull_form.tsx";
import { discover, listError, models, refresh } from "./store.ts";

/** The content of the page. */
export function View() {
  useLive();
  // Other clients load, unload and pull too.
  const change = changes.value;
  useEffect(() => void refresh(), [change]);
  const search = useSignal("");
  const asked = useSignal<Asked | null>(null);
  const close = () => asked.value = null;
  const { what, name } = asked.value ?? {};
  return (
    <>
      <header class="row">
        <h1>Models</h1>
        <span class="space" />
        <input
          type="search"
          aria-label="Search models"
          placeholder="Search"
          value={search.value}
          onInput={(event) => search.value = event.currentTarget.value}
        />
        <button type="button" onClick={() => void discover()}>Search the folders again</button>
      </header>
      <PullForm />
      <List search={search.value} ask={(next) => asked.value = next} />
      {what === "plan" && <PlanDialog name={name!} onClose={close} />}
      {what === "adapters" && <AdaptersDialog name={name!} onClose={close} />}
      {what === "delete" && <DeleteDialog name={name!} onClose={close} />}
    </>
  );
}

function List({ search, ask }: {
  readonly search: string;
  readonly ask: (asked: Asked) => void;
}) {
  if (listError.value !== null) {
    return (
      <div class="failure" role="alert">
        <p>The models cannot be listed: {listError.value}</p>
        <button type="button" onClick={() => void refresh()}>Try again</button>
      </div>
    );
  }
  if (models.value === null) return <p class="faint">The models are listed…</p>;
  const shown = models.value.filter((model) => matches(model, search)).sort(byState);
  if (shown.length === 0) {
    return (
      <p>{search === "" ? "There is no model. Pull one." : `No model matches “${search}”.`}</p>
    );
  }
  return (
    <ul class="cards" aria-label="Models">
      {shown.map((model) => <ModelCard key={model.name} model={model} ask={ask} />)}
    </ul>
  );
}

function matches(
  { name, architecture, quantization, kind }: ModelSummary,
  search: string,
): boolean {
  const words = search.toLowerCase().split(/\s+/);
  const text = [name, architecture, quantization, kind].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

const ORDER: Readonly<Record<ModelSummary["state"], number>> = {
  loaded: 0,
  loading: 0,
  failed: 1,
  unloaded: 1,
};

/** Loaded models first, then by name. */
function byState(a: ModelSummary, b: ModelSummary): number {
  return ORDER[a.state] - ORDER[b.state] || a.name.localeCompare(b.name);
}
