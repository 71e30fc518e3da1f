import { useSignal } from "@preact/signals";
import { size } from "../../ui/mod.ts";
import { dismiss, type Pull, pull, pulls } from "./pull.ts";
import { Progress } from "./progress.tsx";

/** The form that pulls a model, and the pulls that run. */
export function PullForm() {
  const reference = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    const model = reference.value.trim();
    if (model === "") return;
    reference.value = "";
    void pull(model);
  };
  return (
    <section class="pulls" aria-label="Pull a model">
      <form class="row" onSubmit={submit}>
        <label class="field grow">
          <span>Pull a model: a name of Ollama's registry, or hf:OWNER/REPOSITORY</span>
          <input
            name="reference"
            autocomplete="off"
            spellcheck={false}
            placeholder="hf:owner/repository"
            value={reference.value}
            onInput={(event) => reference.value = event.currentTarget.value}
          />
        </label>
        <button type="submit" class="primary" disabled={reference.value.trim() === ""}>Pull</button>
      </form>
      {pulls.value.map((one) => <PullRow key={one.id} pull={one} />)}
    </section>
  );
}

function PullRow({ pull: { id, model, progress, error, cancel } }: { readonly pull: Pull }) {
  const { status, completed, total } = progress;
  return (
    <div class="pull row" data-model={model}>
      <div class="grow">
        <p>
          <strong>{model}</strong> {error === null ? status : <span class="failure">{error}</span>}
        </p>
        {error === null && (
          <Progress
            label={`Pull of ${model}`}
            share={total === null || total === 0 ? null : completed / total}
            text={total === null ? "" : `${size(completed)} of ${size(total)}`}
          />
        )}
      </div>
      {error === null
        ? <button type="button" onClick={cancel}>Cancel</button>
        : <button type="button" onClick={() => dismiss(id)}>Dismiss</button>}
    </div>
  );
}
