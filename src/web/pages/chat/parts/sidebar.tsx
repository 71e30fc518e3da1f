import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Summary } from "../../../conversation/mod.ts";
import { hrefOf, navigate } from "../../../shell/mod.ts";
import { Dialog, Icon, time } from "../../../ui/mod.ts";
import {
  current,
  exportConversation,
  importFile,
  isNarrow,
  newConversation,
  removeConversation,
  renameConversation,
  searchConversations,
  summaries,
  view,
} from "../state/mod.ts";

/** Milliseconds without a key after which the search starts. */
const SEARCH_MS = 150;

/** Shows a new chat. */
export function startChat(): void {
  newConversation();
  navigate("chat");
  if (isNarrow()) view.list.value = false;
  document.getElementById("composer")?.focus();
}

/** The list of conversations. */
export function Sidebar() {
  const wanted = useSignal("");
  const found = useSignal<ReadonlySet<string> | null>(null);
  const file = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isNarrow()) view.list.value = false;
  }, []);
  useEffect(() => {
    const text = wanted.value.trim();
    if (text === "") return void (found.value = null);
    const timer = setTimeout(async () => found.value = await searchConversations(text), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [wanted.value]);
  const shown = summaries.value.filter(({ id }) => found.value?.has(id) ?? true);
  return (
    <section class="list" aria-label="Chats">
      <div class="list-head">
        <button type="button" class="primary" onClick={startChat}>
          <Icon name="plus" /> New chat
        </button>
        <button
          type="button"
          class="icon"
          aria-label="Import a chat"
          title="Import a chat"
          onClick={() => file.current?.click()}
        >
          <Icon name="upload" />
        </button>
        <input
          ref={file}
          type="file"
          class="hidden"
          accept=".json,.md"
          aria-label="File to import"
          tabIndex={-1}
          onChange={(event) => {
            const [chosen] = event.currentTarget.files ?? [];
            event.currentTarget.value = "";
            if (chosen !== undefined) void importFile(chosen);
          }}
        />
      </div>
      <input
        id="search"
        type="search"
        placeholder="Search chats"
        aria-label="Search chats"
        value={wanted.value}
        onInput={(event) => wanted.value = event.currentTarget.value}
      />
      <ul>
        {shown.map((summary) => <Entry key={summary.id} summary={summary} />)}
      </ul>
      {shown.length === 0 && found.value !== null && (
        <p class="faint">No chat contains this text.</p>
      )}
    </section>
  );
}

/** A conversation in the list. */
function Entry({ summary }: { readonly summary: Summary }) {
  const { id, title, changed } = summary;
  const isOpen = useSignal(false);
  const isCurrent = current.value.value.id === id;
  return (
    <li class={isCurrent ? "current" : undefined}>
      <a
        href={hrefOf("chat", id)}
        aria-current={isCurrent ? "true" : undefined}
        title={time(changed)}
        onClick={() => {
          if (isNarrow()) view.list.value = false;
        }}
      >
        {title}
      </a>
      <button
        type="button"
        class="icon"
        aria-label={`Actions for ${title}`}
        onClick={() => isOpen.value = true}
      >
        <Icon name="edit" />
      </button>
      {isOpen.value && <EntryDialog summary={summary} onClose={() => isOpen.value = false} />}
    </li>
  );
}

/** What can be done with a conversation. */
function EntryDialog({ summary: { id, title }, onClose }: {
  readonly summary: Summary;
  readonly onClose: () => void;
}) {
  const name = useSignal(title);
  const isAsking = useSignal(false);
  const rename = (event: Event) => {
    event.preventDefault();
    const typed = name.value.trim();
    if (typed !== "") void renameConversation(id, typed);
    onClose();
  };
  const exportAs = (format: "md" | "json") => {
    void exportConversation(id, format);
    onClose();
  };
  return (
    <Dialog title="Chat" onClose={onClose}>
      <form onSubmit={rename}>
        <label class="field">
          <span>Title</span>
          <input value={name.value} onInput={(event) => name.value = event.currentTarget.value} />
        </label>
        <div class="actions">
          <button type="button" onClick={() => exportAs("md")}>Export as Markdown</button>
          <button type="button" onClick={() => exportAs("json")}>Export as JSON</button>
          {isAsking.value
            ? (
              <button type="button" class="danger" onClick={() => removeConversation(id)}>
                Delete for good
              </button>
            )
            : (
              <button type="button" class="danger" onClick={() => isAsking.value = true}>
                Delete
              </button>
            )}
          <button type="submit" class="primary">Rename</button>
        </div>
      </form>
    </Dialog>
  );
}
