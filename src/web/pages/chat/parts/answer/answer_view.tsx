import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Ending, Message } from "../../../../conversation/mod.ts";
import type { Piece } from "../../../../live/mod.ts";
import { type Live, piecesOf, view } from "../../state/mod.ts";
import { MessageText } from "./message_text.tsx";
import { TokenView } from "./token_view.tsx";
import { ToolCalls } from "./tool_calls.tsx";

/** What the ends of answers mean; `stop` needs no words. */
const ENDINGS: Readonly<Record<Exclude<Ending, "stop">, string>> = {
  length: "The answer ended because the context or the maximum of tokens was reached.",
  cancelled: "Stopped.",
  failed: "The answer failed",
  lost: "The rest of the answer was lost: the server no longer had it",
};

/** The content of an answer, running or ended. */
export function AnswerView({ message, live, isNear }: {
  readonly message: Message;
  readonly live: Live | undefined;
  readonly isNear: boolean;
}) {
  // Running text is shown again when the version changes.
  void live?.version.value;
  const { content, reasoning = "" } = live?.text ?? message;
  const { ending, error } = message;
  const calls = live?.text.toolCalls ?? message.toolCalls ?? [];
  return (
    <>
      {reasoning !== "" && (
        <Reasoning text={reasoning} isRunning={live !== undefined && content === ""} />
      )}
      {view.tokens.value && isNear
        ? <Tokens message={message} live={live} />
        : <MessageText text={content} isNear={isNear} isGrowing={live !== undefined} />}
      {live !== undefined && content === "" && reasoning === "" && calls.length === 0 && (
        <p class="faint waiting">
          {live.id === null ? "Loading the model…" : "Reading the prompt…"}
        </p>
      )}
      <ToolCalls message={message} calls={calls} isRunning={live !== undefined} />
      {live === undefined && ending !== "stop" && (
        <p class={ending === "failed" || ending === "lost" ? "error" : "faint"}>
          {ENDINGS[ending ?? "lost"]}
          {error === undefined ? "" : `: ${error}`}
        </p>
      )}
    </>
  );
}

/** Folded reasoning; open while it is all there is. */
function Reasoning({ text, isRunning }: { readonly text: string; readonly isRunning: boolean }) {
  return (
    <details class="reasoning" open={isRunning}>
      <summary>{isRunning ? "Reasoning…" : "Reasoning"}</summary>
      <div class="plain">{text}</div>
    </details>
  );
}

const NO_PIECES: readonly Piece[] = [];

/** The tokens of an answer; those of an ended one are read from the history. */
function Tokens({ message, live }: { readonly message: Message; readonly live: Live | undefined }) {
  const read = useSignal(NO_PIECES);
  const { id } = message;
  const isRunning = live !== undefined;
  useEffect(() => {
    if (isRunning) return;
    let isWanted = true;
    void piecesOf(id).then((pieces) => {
      if (isWanted) read.value = pieces;
    });
    return () => void (isWanted = false);
  }, [id, isRunning]);
  const pieces = live?.text.pieces ?? read.value;
  if (pieces.length === 0) return <MessageText text={message.content} isNear />;
  return (
    <TokenView
      message={message}
      pieces={pieces}
      version={live?.version.value ?? -1}
      isRunning={isRunning}
    />
  );
}
