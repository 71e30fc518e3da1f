import { useRef } from "preact/hooks";
import { copyText, memo } from "../ui/mod.ts";
import { type Block, BlockList } from "./blocks.ts";
import { htmlOf } from "./html.ts";
import { plainTextOf } from "./plain.ts";

/** A block; it is rendered again only when its text changes. */
const BlockView = memo(function BlockView({ block, isGrowing }: {
  readonly block: Block;
  readonly isGrowing: boolean;
}) {
  const plain = plainTextOf(block.token);
  // The keys replace the element: where it had HTML, Preact would empty it by HTML that is not trusted.
  if (plain !== null) {
    return (
      <div key="plain" class="block">
        <p>{plain}</p>
      </div>
    );
  }
  const html = { __html: htmlOf(block.token, isGrowing) };
  return <div key="html" class="block" dangerouslySetInnerHTML={html} />;
});

/** A text in Markdown. While it grows, only its last blocks are rendered again. */
export function Markdown({ text, isGrowing = false }: {
  readonly text: string;
  readonly isGrowing?: boolean;
}) {
  const list = useRef<BlockList | null>(null);
  const blocks = (list.current ??= new BlockList()).update(text, { isWhole: !isGrowing });
  return (
    <div class="markdown" onClick={copyCode}>
      {blocks.map((block, index) => (
        <BlockView key={index} block={block} isGrowing={isGrowing && index === blocks.length - 1} />
      ))}
    </div>
  );
}

/** Copies the code of the block whose button was clicked. */
function copyCode(event: Event): void {
  if (!(event.target instanceof Element) || !event.target.matches("button.copy")) return;
  const code = event.target.closest(".code")?.querySelector("code")?.textContent;
  if (code) void copyText(code);
}
