import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { Message } from "../../../../conversation/mod.ts";
import { level, type Piece, probabilityText } from "../../../../live/mod.ts";
import { memo } from "../../../../ui/mod.ts";
import { TokenDialog } from "./token_dialog.tsx";

/** Tokens that are rendered together: while an answer grows, only the last group changes. */
const GROUP = 64;

/** An answer as tokens. A click, or `Enter` after the arrows, opens the alternatives of a token. */
export function TokenView({ message, pieces, isRunning }: {
  readonly message: Message;
  readonly pieces: readonly Piece[];
  /** Changes with `pieces`, which stays the same list while the answer runs. */
  readonly version: number;
  readonly isRunning: boolean;
}) {
  const prefix = useId();
  const active = useSignal(0);
  const opened = useSignal<Piece | null>(null);
  const groups = Array.from(
    { length: Math.ceil(pieces.length / GROUP) },
    (_, group) => group * GROUP,
  );
  const open = (at: number) => {
    active.value = at;
    opened.value = pieces[at] ?? null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) {
      active.value = Math.max(0, Math.min(pieces.length - 1, active.value + step));
      document.getElementById(`${prefix}-${active.value}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") open(active.value);
    else return;
    event.preventDefault();
  };
  return (
    <>
      {message.prefix && <span class="plain prefix">{message.prefix}</span>}
      <div
        class="tokens"
        role="listbox"
        tabIndex={0}
        aria-label="Tokens of the answer"
        aria-activedescendant={`${prefix}-${active.value}`}
        onKeyDown={onKeyDown}
        onClick={(event) => {
          const token = event.target instanceof Element ? event.target.closest("[data-at]") : null;
          if (token instanceof HTMLElement) open(Number(token.dataset.at));
        }}
      >
        {groups.map((start) => {
          const end = Math.min(start + GROUP, pieces.length);
          return (
            <Group
              key={start}
              pieces={pieces}
              start={start}
              end={end}
              first={pieces[start]!}
              last={pieces[end - 1]!}
              prefix={prefix}
              active={active.value >= start && active.value < end ? active.value : -1}
            />
          );
        })}
      </div>
      {opened.value !== null && (
        <TokenDialog
          place={{ message, pieces, piece: opened.value }}
          isRunning={isRunning}
          onClose={() => opened.value = null}
        />
      )}
    </>
  );
}

/**
 * Some tokens. `pieces` is one list that grows, so `first`, `last` and `end` tell whether these tokens are
 * the same as before.
 */
const Group = memo(function Group({ pieces, start, end, prefix, active }: {
  readonly pieces: readonly Piece[];
  readonly start: number;
  readonly end: number;
  readonly first: Piece;
  readonly last: Piece;
  readonly prefix: string;
  readonly active: number;
}) {
  return (
    <span role="presentation">
      {pieces.slice(start, end).map((piece, offset) => {
        const at = start + offset;
        return (
          <span
            key={at}
            id={`${prefix}-${at}`}
            role="option"
            data-at={at}
            title={titleOf(piece)}
            class={classOf(piece, at === active)}
            aria-selected={at === active}
          >
            {piece.text}
          </span>
        );
      })}
    </span>
  );
});

function classOf({ logprob, isReasoning, isInserted }: Piece, isActive: boolean): string {
  const words = ["token"];
  if (logprob !== undefined) words.push(`p${level(logprob)}`);
  if (isReasoning) words.push("reasoned");
  if (isInserted) words.push("inserted");
  if (isActive) words.push("active");
  return words.join(" ");
}

function titleOf({ logprob, isInserted }: Piece): string | undefined {
  if (isInserted) return "put there by you";
  return logprob === undefined ? undefined : probabilityText(logprob);
}
