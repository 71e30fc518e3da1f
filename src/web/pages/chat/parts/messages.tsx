import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Message, pathOf, siblingsOf } from "../../../conversation/mod.ts";
import { Icon } from "../../../ui/mod.ts";
import { current, view } from "../state/mod.ts";
import { Columns } from "./columns.tsx";
import { MessageView } from "./message_view.tsx";

/** Pixels from the end within which the view follows new text. */
const FOLLOWED = 80;

/** Messages that the browser leaves out of layout and painting together, where they cannot be seen. */
const CHUNK = 8;

function chunksOf(path: readonly Message[]): readonly (readonly Message[])[] {
  return Array.from(
    { length: Math.ceil(path.length / CHUNK) },
    (_, index) => path.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}

/** The chosen branch. */
export function Messages() {
  const frame = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useSignal(true);
  const path = useComputed(() => pathOf(current.value.value));
  const toEnd = () => frame.current?.scrollTo({ top: frame.current.scrollHeight });
  // A new message is shown even if the user had scrolled away.
  useLayoutEffect(toEnd, [path.value.length]);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (isAtEnd.peek()) toEnd();
    });
    observer.observe(list.current!);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    // The browser tells of a scroll after the page has left the chat, too.
    if (frame.current === null) return;
    const { scrollTop, scrollHeight, clientHeight } = frame.current;
    isAtEnd.value = scrollHeight - scrollTop - clientHeight < FOLLOWED;
  };
  return (
    <div class="messages-frame">
      <div
        class="messages"
        ref={frame}
        onScroll={onScroll}
        tabIndex={0}
        role="region"
        aria-label="Messages"
      >
        <div class="messages-list" ref={list}>
          {path.value.length === 0 && <Welcome />}
          {chunksOf(path.value).map((messages, index) => (
            <div key={index} class="messages-chunk">
              {messages.map((message) => <Entry key={message.id} message={message} />)}
            </div>
          ))}
        </div>
      </div>
      {!isAtEnd.value && (
        <button type="button" class="to-end" aria-label="Go to the end" onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}

/** A message, or all messages in its place side by side. */
function Entry({ message }: { readonly message: Message }) {
  const siblings = siblingsOf(current.value.value, message);
  if (siblings.length > 1 && view.compared.value.has(message.parent ?? "")) {
    return <Columns messages={siblings} chosen={message.id} />;
  }
  return (
    <MessageView
      message={message}
      place={siblings.findIndex(({ id }) => id === message.id)}
      count={siblings.length}
    />
  );
}

function Welcome() {
  return (
    <div class="welcome">
      <h2>What shall the model answer?</h2>
      <p class="faint">
        While an answer runs, you can change its sampling, pause it, choose other tokens and fork
        it. Press <kbd>?</kbd> for the keyboard shortcuts.
      </p>
    </div>
  );
}
