import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isSoundUrl, mediaUrls, pathOf } from "../../../../conversation/mod.ts";
import {
  type Attachments,
  draftOf,
  keepDraftFiles,
  keepDraftText,
  NO_ATTACHMENTS,
} from "../../../../storage/mod.ts";
import { announce, Icon } from "../../../../ui/mod.ts";
import {
  current,
  draftTarget,
  liveAnswers,
  loadModels,
  mediaRefusal,
  send,
} from "../../state/mod.ts";
import { Attached } from "./attached.tsx";
import { pastedFiles, useDroppedFiles } from "./dropped.ts";
import { readFiles } from "./read_files.ts";
import { RunButtons } from "./run_buttons.tsx";

/** The field for the next message. */
export function Composer() {
  const { id } = current.value.value;
  const target = draftTarget(current.value.value);
  const first = useRef(draftOf(target)).current;
  const text = useSignal(first.text);
  const attached = useSignal<Attachments>(first);
  const input = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const live = useComputed(() => {
    const { id } = current.value.value;
    return [...liveAnswers.value.values()].filter(({ conversation }) => conversation === id);
  });
  const isRunning = live.value.length > 0;
  const { files, images } = attached.value;
  const reading = useSignal(0);
  const isSentLater = useRef(false);
  const isEmpty = text.value.trim() === "" && files.length + images.length === 0;

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
    attached.value = given;
    if (!keepDraftFiles(presentTarget(), given)) {
      announce("The files are too large to survive a reload of the page");
    }
  };
  const add = async (given: readonly File[]) => {
    if (given.length === 0) return;
    reading.value++;
    try {
      // Whether a model reads images and sounds is known for certain when it is loaded.
      await loadModels();
      const { model } = current.peek().peek();
      const { files: texts, images: pictures } = await readFiles(
        given,
        (kind) => mediaRefusal(model, kind),
      );
      // Others may have been added or removed meanwhile.
      const { files, images } = attached.peek();
      setAttached({ files: [...files, ...texts], images: [...images, ...pictures] });
    } finally {
      reading.value--;
      // The message was sent before its files were read.
      if (isSentLater.current && current.peek().peek().id === id) submit();
    }
  };
  const submit = () => {
    isSentLater.current = reading.peek() > 0;
    if (isSentLater.current || live.peek().length > 0) return;
    const [message, sent] = [text.peek().trim(), attached.peek()];
    if (message === "" && sent.files.length + sent.images.length === 0) return;
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
      <MediaNote attached={mediaUrls(attached.value)} />
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
              disabled={isEmpty && reading.value === 0}
            >
              <Icon name="send" />
            </button>
          )}
      </div>
    </form>
  );
}

/** Tells that the chosen model takes no images or sounds, where the next request would have some. */
function MediaNote({ attached }: { readonly attached: readonly string[] }) {
  const earlier = useComputed(() => pathOf(current.value.value).flatMap(mediaUrls));
  const urls = [...attached, ...earlier.value];
  const { model } = current.value.value;
  const refusal = (urls.some((url) => !isSoundUrl(url)) ? mediaRefusal(model, "vision") : null) ??
    (urls.some(isSoundUrl) ? mediaRefusal(model, "audio") : null);
  if (refusal === null) return null;
  return (
    <p class="error" role="alert">
      {refusal}: choose another model, or{" "}
      {attached.length > 0 ? "remove them" : "begin a new chat"}.
    </p>
  );
}
