import type { Message } from "../../../conversation/mod.ts";
import { Icon } from "../../../ui/mod.ts";
import { keepAnswer, setCompared } from "../state/mod.ts";
import { MessageView } from "./message_view.tsx";

/** The messages in one place side by side. */
export function Columns({ messages, chosen }: {
  readonly messages: readonly Message[];
  /** Id of the message on the chosen branch. */
  readonly chosen: string;
}) {
  return (
    <section class="compared" aria-label={`${messages.length} branches side by side`}>
      <div class="compared-head">
        <span class="faint">{messages.length} branches side by side</span>
        <button type="button" onClick={() => setCompared(messages[0]!.parent, false)}>
          Show one
        </button>
      </div>
      <div class="columns" tabIndex={0} role="group" aria-label="Branches">
        {messages.map((message, place) => (
          <div key={message.id} class={`column${message.id === chosen ? " chosen" : ""}`}>
            <button
              type="button"
              class="keep"
              onClick={() =>
                void keepAnswer(message)}
            >
              <Icon name="check" /> Go on with {place + 1}
            </button>
            <MessageView message={message} place={place} count={1} />
          </div>
        ))}
      </div>
    </section>
  );
}
