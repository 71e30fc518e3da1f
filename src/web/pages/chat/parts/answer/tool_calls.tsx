import { useSignal } from "@preact/signals";
import { childrenOf, type Message, type ToolCall } from "../../../../conversation/mod.ts";
import { current, sendToolResults } from "../../state/mod.ts";

/** The calls of tools of an answer, and fields for their results while there is none. */
export function ToolCalls({ message, calls, isRunning }: {
  readonly message: Message;
  readonly calls: readonly ToolCall[];
  readonly isRunning: boolean;
}) {
  const results = useSignal<readonly string[]>([]);
  if (calls.length === 0) return null;
  const isOpen = !isRunning && childrenOf(current.value.value, message.id).length === 0;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        sendToolResults(message, results.value);
      }}
    >
      {calls.map((call, index) => (
        <details key={index} class="tool-call" open>
          <summary>
            Calls the tool <code>{call.name}</code>
          </summary>
          <pre tabIndex={0}>{call.arguments}</pre>
          {isOpen && (
            <label class="field">
              <span>Result of {call.name}</span>
              <textarea
                rows={2}
                value={results.value[index] ?? ""}
                onInput={(event) => {
                  const next = calls.map((_, place) => results.value[place] ?? "");
                  next[index] = event.currentTarget.value;
                  results.value = next;
                }}
              />
            </label>
          )}
        </details>
      ))}
      {isOpen && <button type="submit">Send the results</button>}
    </form>
  );
}
