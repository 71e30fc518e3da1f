import { Markdown } from "../../../../markdown/mod.ts";

/** A text as Markdown; far from the visible part of the page as it is written, which is cheap. */
export function MessageText({ text, isNear, isGrowing = false }: {
  readonly text: string;
  readonly isNear: boolean;
  readonly isGrowing?: boolean;
}) {
  return (
    <div>
      {isNear ? <Markdown text={text} isGrowing={isGrowing} /> : <div class="plain">{text}</div>}
    </div>
  );
}
