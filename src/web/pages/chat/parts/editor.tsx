import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Message } from "../../../conversation/mod.ts";
import { editMessage } from "../state/mod.ts";

/** Edits a message; the result is another branch. */
export function Editor({ message, onClose }: {
  readonly message: Message;
  readonly onClose: () => void;
}) {
  const text = useSignal(message.content);
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = () => {
    onClose();
    if (text.value !== message.content) editMessage(message, text.value);
  };
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
        else return;
        event.preventDefault();
      }}
    >
      <textarea
        ref={input}
        rows={3}
        aria-label="Text of the message"
        value={text.value}
        onInput={(event) => text.value = event.currentTarget.value}
      />
      <div class="actions">
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="submit" class="primary">
          {message.role === "user" ? "Send as a branch" : "Keep as a branch"}
        </button>
      </div>
    </form>
  );
}
