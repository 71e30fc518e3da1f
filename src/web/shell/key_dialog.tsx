import { useSignal } from "@preact/signals";
import { giveKey, keyRequest } from "../api/mod.ts";
import { Dialog } from "../ui/mod.ts";

/** Asks for the access key when the server refuses a request without a valid one. */
export function KeyDialog() {
  const typed = useSignal("");
  const asked = keyRequest.value;
  if (asked === null) return null;
  const submit = (event: Event) => {
    event.preventDefault();
    const key = typed.value.trim();
    if (key === "") return;
    typed.value = "";
    giveKey(key);
  };
  return (
    <Dialog title="Access key" onClose={() => giveKey(null)}>
      <form onSubmit={submit}>
        <p>
          {asked.isWrong ? "The server does not accept this key." : "This server requires a key."}
          {" "}
          The key stays in this tab until the tab is closed.
        </p>
        <label class="field">
          <span>Key</span>
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={typed.value}
            onInput={(event) => typed.value = event.currentTarget.value}
          />
        </label>
        <div class="actions">
          <button type="button" onClick={() => giveKey(null)}>Cancel</button>
          <button type="submit" class="primary" disabled={typed.value.trim() === ""}>
            Use the key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
