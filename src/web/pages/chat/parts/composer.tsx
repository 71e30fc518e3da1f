import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { TextFile } from "../../../conversation/mod.ts";
import { draftOf, keepDraft } from "../../../storage/mod.ts";
import { announce, Icon, size } from "../../../ui/mod.ts";
import {
  current,
  draftTarget,
  liveAnswers,
  pauseAnswers,
  resumeAnswers,
  send,
  stopAnswers,
} from "../state/mod.ts";
import { readTextFiles } from "./read_files.ts";

/** The field for the next message. */
export function Composer() {
  const target = draftTarget(current.value.value);
  const first = useRef(draftOf(target)).current;
  const text = useSignal(first.text);
  const files = useSignal<readonly TextFile[]>(first.files);
  const input = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const live = useComputed(() => {
    const { id } = current.value.value;
    return [...liveAnswers.value.values()].filter(({ conversation }) => conversation === id);
  });
  const isRunning = live.value.length > 0;
  const isEmpty = text.value.trim() === "" && files.value.length === 0;

  const keepText = (given: string) => {
    text.value = given;
    keepDraft(target, { text: given, files: files.value });
  };
  const setFiles = (given: readonly TextFile[]) => {
    files.value = given;
    if (!keepDraft(target, { text: text.value, files: given })) {
      announce("The files are too large to survive a reload of the page");
    }
  };
  const add = async (list: Iterable<File>) =>
    setFiles([...files.value, ...await readTextFiles(list)]);
  const submit = () => {
    if (isEmpty || isRunning) return;
    keepDraft(target, { text: "", files: [] });
    send(text.value.trim(), files.value);
    text.value = "";
    files.value = [];
  };
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
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void add(event.dataTransfer?.files ?? []);
      }}
    >
      <Files files={files.value} onChange={setFiles} />
      <textarea
        id="composer"
        ref={input}
        rows={1}
        value={text.value}
        aria-label="Message"
        placeholder="Write a message"
        onInput={(event) => keepText(event.currentTarget.value)}
        onPaste={(event) => {
          const pasted = event.clipboardData?.files ?? [];
          if (pasted.length > 0) void add(pasted);
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
          aria-label="Attach text files"
          title="Attach text files"
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
          aria-label="Text files to attach"
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
              disabled={isEmpty}
            >
              <Icon name="send" />
            </button>
          )}
      </div>
    </form>
  );
}

/** The buttons that steer running answers. */
function RunButtons({ isPaused }: { readonly isPaused: boolean }) {
  const { id } = current.value.value;
  return (
    <>
      {isPaused
        ? (
          <button type="button" onClick={() => void resumeAnswers(id)}>
            <Icon name="play" /> Resume
          </button>
        )
        : (
          <button type="button" onClick={() => void pauseAnswers(id)}>
            <Icon name="pause" /> Pause
          </button>
        )}
      <button type="button" class="primary" title="Stop (Esc)" onClick={() => void stopAnswers(id)}>
        <Icon name="stop" /> Stop
      </button>
    </>
  );
}

/** The attached files. */
function Files({ files, onChange }: {
  readonly files: readonly TextFile[];
  readonly onChange: (files: readonly TextFile[]) => void;
}) {
  if (files.length === 0) return null;
  return (
    <ul class="files" aria-label="Attached files">
      {files.map((file, index) => (
        <li key={index}>
          {file.name} <span class="faint">{size(file.text.length)}</span>
          <button
            type="button"
            class="icon"
            aria-label={`Remove ${file.name}`}
            onClick={() => onChange(files.filter((one) => one !== file))}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
