import { useSignal } from "@preact/signals";
import type { Message } from "../../../conversation/mod.ts";
import { copyText, Icon, rate } from "../../../ui/mod.ts";
import {
  answerAgain,
  current,
  goOn,
  liveAnswers,
  removeBranch,
  setCompared,
  stepBranch,
} from "../state/mod.ts";

/** The buttons below a message. */
export function MessageActions({ message, place, count, isRunning, onEdit }: {
  readonly message: Message;
  readonly place: number;
  readonly count: number;
  readonly isRunning: boolean;
  readonly onEdit: () => void;
}) {
  const { role, ending, content } = message;
  const isAnswer = role === "assistant";
  return (
    <footer class="message-actions">
      {count > 1 && <Branches message={message} place={place} count={count} />}
      {!isRunning && (
        <>
          <button
            type="button"
            class="icon"
            aria-label="Copy"
            title="Copy"
            onClick={() => void copyText(content)}
          >
            <Icon name="copy" />
          </button>
          <button type="button" class="icon" aria-label="Edit" title="Edit" onClick={onEdit}>
            <Icon name="edit" />
          </button>
          {isAnswer && (
            <button
              type="button"
              class="icon"
              aria-label="Answer again"
              title="Answer again"
              onClick={() => answerAgain(message)}
            >
              <Icon name="again" />
            </button>
          )}
          {isAnswer && ending !== "stop" && content !== "" && (
            <button
              type="button"
              class="icon"
              aria-label="Continue the answer"
              title="Continue the answer"
              onClick={() => goOn(message)}
            >
              <Icon name="play" />
            </button>
          )}
          <RemoveButton message={message} />
        </>
      )}
      {isAnswer && <Speed message={message} />}
    </footer>
  );
}

/** Removes a message and what follows it; asks first. */
function RemoveButton({ message: { id } }: { readonly message: Message }) {
  const isAsking = useSignal(false);
  if (isAsking.value) {
    return (
      <button
        type="button"
        class="danger"
        onBlur={() => isAsking.value = false}
        ref={(button) => button?.focus()}
        onClick={() => removeBranch(current.value.value.id, id)}
      >
        Delete with what follows
      </button>
    );
  }
  return (
    <button
      type="button"
      class="icon"
      aria-label="Delete"
      title="Delete"
      onClick={() => isAsking.value = true}
    >
      <Icon name="trash" />
    </button>
  );
}

/** The place of a message among its branches, and the way to the others. */
function Branches({ message, place, count }: {
  readonly message: Message;
  readonly place: number;
  readonly count: number;
}) {
  return (
    <span class="branches" role="group" aria-label="Branches">
      <button
        type="button"
        class="icon"
        aria-label="Previous branch"
        disabled={place === 0}
        onClick={() => stepBranch(message, -1)}
      >
        <Icon name="left" />
      </button>
      <span>{place + 1}/{count}</span>
      <button
        type="button"
        class="icon"
        aria-label="Next branch"
        disabled={place === count - 1}
        onClick={() => stepBranch(message, 1)}
      >
        <Icon name="right" />
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Show the branches side by side"
        title="Show the branches side by side"
        onClick={() => setCompared(message.parent, true)}
      >
        <Icon name="columns" />
      </button>
    </span>
  );
}

/** Tokens and speed of an answer. */
function Speed({ message: { id, usage } }: { readonly message: Message }) {
  const live = liveAnswers.value.get(id);
  if (live !== undefined) {
    void live.version.value;
    const count = live.text.end;
    if (count === 0 || live.began === null) return null;
    const seconds = (performance.now() - live.began) / 1000;
    return (
      <span class="faint speed">
        {count} tokens{seconds > 0.5 && !live.isPaused.value ? ` · ${rate(count / seconds)}` : ""}
      </span>
    );
  }
  if (usage === undefined) return null;
  const { completionTokens, tokensPerSecond, promptTokens, cachedTokens } = usage;
  const title = `${promptTokens} prompt tokens, ${cachedTokens} of them from the cache`;
  return (
    <span class="faint speed" title={title}>
      {completionTokens} tokens · {rate(tokensPerSecond)}
    </span>
  );
}
