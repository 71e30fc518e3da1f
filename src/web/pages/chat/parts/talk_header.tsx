import type { Conversation } from "../../../conversation/mod.ts";
import { Icon } from "../../../ui/mod.ts";
import { change, current, loadModels, models, togglePanel, view } from "../state/mod.ts";

/** The models as options; the default one has the empty value. */
function ModelOptions() {
  return (
    <>
      {models.value?.map(({ name, state }) => (
        <option key={name} value={name}>{state === "loaded" ? `${name} (loaded)` : name}</option>
      ))}
    </>
  );
}

/** A model that is probably not the one that answers; null if no model is known. */
function otherModel({ model }: Conversation): string | null {
  const all = models.value ?? [];
  const other = all.find(({ name, state }) => model === null ? state !== "loaded" : name !== model);
  return (other ?? all[0])?.name ?? null;
}

/** The title, the choice of models, and the buttons of the panels. */
export function TalkHeader() {
  const conversation = current.value.value;
  const setModel = (value: string) =>
    change(conversation.id, (one) => ({ ...one, model: value === "" ? null : value }));
  const second = view.secondModel.value;
  return (
    <header class="talk-head">
      <button
        type="button"
        class="icon"
        aria-label="List of chats"
        title="List of chats"
        aria-pressed={view.list.value}
        onClick={() => togglePanel("list")}
      >
        <Icon name="menu" />
      </button>
      <h2 class="talk-title">{conversation.title}</h2>
      <label class="hidden" for="model">Model</label>
      <select
        id="model"
        value={conversation.model ?? ""}
        onFocus={() => void loadModels()}
        onChange={(event) => setModel(event.currentTarget.value)}
      >
        <option value="">Default model</option>
        <ModelOptions />
      </select>
      <button
        type="button"
        class="icon"
        aria-label="Compare with a second model"
        title="Compare with a second model"
        aria-pressed={second !== null}
        onClick={() => view.secondModel.value = second === null ? otherModel(conversation) : null}
      >
        <Icon name="columns" />
      </button>
      {second !== null && (
        <select
          aria-label="Second model"
          value={second}
          onChange={(event) => view.secondModel.value = event.currentTarget.value}
        >
          <ModelOptions />
        </select>
      )}
      <button
        type="button"
        class="icon"
        aria-label="Steering"
        title="Steering"
        aria-pressed={view.panel.value}
        onClick={() => togglePanel("panel")}
      >
        <Icon name="sliders" />
      </button>
    </header>
  );
}
