import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Message } from "../../../conversation/mod.ts";
import { memo, size } from "../../../ui/mod.ts";
import { liveAnswers } from "../state/mod.ts";
import { AnswerView } from "./answer/answer_view.tsx";
import { Editor } from "./editor.tsx";
import { MessageText } from "./answer/message_text.tsx";
import { Media } from "./media.tsx";
import { MessageActions } from "./message_actions.tsx";
import { useNear } from "./use_near.ts";

const NAMES = { user: "You", assistant: "Answer", tool: "Tool result" } as const;

/** A message with its actions. */
export const MessageView = memo(function MessageView({ message, place, count }: {
  readonly message: Message;
  /** Its place among the messages of its branches, from 0. */
  readonly place: number;
  readonly count: number;
}) {
  const { id, role, model, files = [], media = [] } = message;
  const isEditing = useSignal(false);
  const live = liveAnswers.value.get(id);
  const element = useRef<HTMLElement>(null);
  const isNear = useNear(element, live !== undefined).value || live !== undefined;
  const name = role === "assistant" ? model ?? NAMES.assistant : NAMES[role];
  return (
    <article
      ref={element}
      class={`message ${role}`}
      data-message={id}
      aria-label={name}
      aria-busy={live !== undefined}
    >
      <h3 class="message-name">{name}</h3>
      {files.map((file, index) => (
        <details key={index} class="file">
          <summary>
            {file.name} <span class="faint">{size(file.text.length)}</span>
          </summary>
          <pre tabIndex={0}>{file.text}</pre>
        </details>
      ))}
      {media.length > 0 && <Media media={media} />}
      {isEditing.value
        ? <Editor message={message} onClose={() => isEditing.value = false} />
        : role === "assistant"
        ? <AnswerView message={message} live={live} isNear={isNear} />
        : <MessageText text={message.content} isNear={isNear} />}
      {!isEditing.value && (isNear
        ? (
          <MessageActions
            message={message}
            place={place}
            count={count}
            isRunning={live !== undefined}
            onEdit={() => isEditing.value = true}
          />
        )
        : <footer class="message-actions" />)}
    </article>
  );
});
