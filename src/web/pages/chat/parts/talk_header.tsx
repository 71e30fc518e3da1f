import type { Conversation } from "../../../conversation/mod.ts";
import { Icon } from "../../../ui/mod.ts";
import { change, current, loadModels, modelOf, models, togglePanel, view } from "../state/mod.ts";

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

/** The default model with its name, when that is known. */
function defaultLabel(): string {
  const model = modelOf(null);
  return model === undefined ? "Default model" : `Default model: ${model.name}`;
}

/** Whether the model of a conversation is none of the server's: it was deleted, or the chat was imported. */
function isGone({ model }: Conversation): boolean {
  return model !== null && models.value !== null && modelOf(model) === undefined;
}

/** A model that is not the one that answers, where there are several; null if no model is known. */
function otherModel({ model }: Conversation): string | null {
  const all = models.value ?? [];
  const first = modelOf(model)?.name;
  const other = all.find(({ name }) => name !== first);
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
        <option value="">{defaultLabel()}</option>
        {isGone(conversation) && (
          <option value={conversation.model!}>{conversation.model} (not on this server)</option>
        )}
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
