import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  type Attachments,
  draftOf,
  keepDraftFiles,
  keepDraftText,
  NO_ATTACHMENTS,
} from "../../../../storage/mod.ts";
import { Icon } from "../../../../ui/mod.ts";
import {
  current,
  draftTarget,
  liveAnswers,
  loadModels,
  mediaRefusal,
  send,
} from "../../state/mod.ts";
import { Attached } from "./attached.tsx";
import { isTooLarge, MediaNote, ReloadNote, SizeNote, surplusOf } from "./notes.tsx";
import { pastedFiles, useDroppedFiles } from "./dropped.ts";
import { readFiles } from "./read_files.ts";
import { RunButtons } from "./run_buttons.tsx";

/** The field for the next message. */
export function Composer() {
  const { id } = current.value.value;
  const target = draftTarget(current.value.value);
  const [first] = useState(() => draftOf(target));
  const text = useSignal(first.text);
  const attached = useSignal<Attachments>(first);
  const input = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const live = useComputed(() => {
    const { id } = current.value.value;
    return [...liveAnswers.value.values()].filter(({ conversation }) => conversation === id);
  });
  const isRunning = live.value.length > 0;
  const { files, media } = attached.value;
  const reading = useSignal(0);
  const isSentLater = useRef(false);
  const surplus = useComputed(() => surplusOf({ text: text.value, attached: attached.value }));
  const isEmpty = text.value.trim() === "" && files.length + media.length === 0;

  // Files are read while the first message may be sent, which changes the key of the draft.
  const presentTarget = () => {
    const shown = current.peek().peek();
    return shown.id === id ? draftTarget(shown) : target;
  };
  const setText = (given: string) => {
    text.value = given;
    keepDraftText(presentTarget(), given);
  };
  const setAttached = (given: Attachments) => {
    keepDraftFiles(presentTarget(), given);
    attached.value = given;
  };
  const add = async (given: readonly File[]) => {
    if (given.length === 0) return;
    reading.value++;
    try {
      // Whether a model reads images and sounds is known for certain when it is loaded.
      await loadModels();
      const { model } = current.peek().peek();
      const read = await readFiles(
        given,
        (kind) => mediaRefusal(model, kind),
      );
      // Others may have been added or removed meanwhile.
      const { files, media } = attached.peek();
      setAttached({ files: [...files, ...read.files], media: [...media, ...read.media] });
    } finally {
      reading.value--;
      // The message was sent before its files were read.
      if (isSentLater.current && current.peek().peek().id === id) submit();
    }
  };
  const submit = () => {
    isSentLater.current = reading.peek() > 0;
    if (isSentLater.current || isTooLarge(surplus.peek()) || live.peek().length > 0) return;
    const [message, sent] = [text.peek().trim(), attached.peek()];
    if (message === "" && sent.files.length + sent.media.length === 0) return;
    setText("");
    setAttached(NO_ATTACHMENTS);
    send(message, sent);
  };
  useDroppedFiles((given) => void add(given));
  useEffect(() => {
    if (!matchMedia("(pointer: coarse)").matches) input.current?.focus();
  }, []);

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Attached attached={attached.value} onChange={setAttached} />
      <MediaNote attached={attached.value} />
      <SizeNote surplus={surplus.value} />
      <ReloadNote attached={attached.value} />
      <textarea
        id="composer"
        ref={input}
        rows={1}
        value={text.value}
        aria-label="Message"
        placeholder="Write a message"
        onInput={(event) => setText(event.currentTarget.value)}
        onPaste={(event) => {
          const pasted = pastedFiles(event);
          if (pasted.length === 0) return;
          event.preventDefault();
          void add(pasted);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
          const isTouch = matchMedia("(pointer: coarse)").matches;
          if (isTouch && !event.ctrlKey && !event.metaKey) return;
          event.preventDefault();
          submit();
        }}
      />
      <div class="composer-actions">
        <button
          type="button"
          class="icon"
          aria-label="Attach files"
          title="Attach text files, and images and sounds where the model takes them"
          onClick={() => picker.current?.click()}
        >
          <Icon name="attach" />
        </button>
        <input
          ref={picker}
          type="file"
          multiple
          class="hidden"
          tabIndex={-1}
          aria-label="Files to attach"
          onChange={(event) => {
            const chosen = [...event.currentTarget.files ?? []];
            event.currentTarget.value = "";
            void add(chosen);
          }}
        />
        <span class="space" />
        {isRunning
          ? <RunButtons isPaused={live.value.every(({ isPaused }) => isPaused.value)} />
          : (
            <button
              type="submit"
              class="primary"
              aria-label="Send"
              title="Send (Enter)"
              disabled={isTooLarge(surplus.value) || isEmpty && reading.value === 0}
            >
              <Icon name="send" />
            </button>
          )}
      </div>
    </form>
  );
}
