import { ShimmyError } from "../../../../errors.ts";

/** Values of a template by the names of its fields. `.Response` ends the prompt. */
export type TemplateValues = Readonly<Record<"System" | "Prompt" | "Suffix", string>>;

/** An open `if`: whether its current branch is written, and whether a branch was written already. */
interface Block {
  isWritten: boolean;
  wasWritten: boolean;
}

const ACTION = /(\s*)\{\{(-?)\s*(?:\/\*[\s\S]*?\*\/\s*|([\s\S]*?)\s*)(-?)\}\}(\s*)/g;
const FIELD = /^\.(\w+)$/;
const CONDITION = /^(?:(else) )?if \.(\w+)$/;

/**
 * Renders a prompt template of Ollama's API: the fields `.System`, `.Prompt`, `.Suffix` and
 * `.Response`, `if`, `else` and `end`, comments, and `-` to trim spaces.
 *
 * @throws {ShimmyError} `invalid` for another action, and for an `if` without `end`.
 */
export function renderTemplate(template: string, values: TemplateValues): string {
  const blocks: Block[] = [];
  const isWritten = () => blocks.every((block) => block.isWritten);
  const valueOf = (name: string): string => {
    if (Object.hasOwn(values, name)) return values[name as keyof TemplateValues];
    if (name === "Response") return "";
    throw refused(`.${name}`);
  };
  let text = "";
  let end = 0;
  const write = (part: string) => {
    if (isWritten()) text += part;
  };
  for (const match of template.matchAll(ACTION)) {
    const [whole, before, trimBefore, action = "", trimAfter, after] = match;
    write(template.slice(end, match.index) + (trimBefore ? "" : before));
    end = match.index + whole.length;
    const condition = CONDITION.exec(action);
    const field = FIELD.exec(action)?.[1];
    if (field === "Response" && isWritten()) return text;
    if (field !== undefined) write(valueOf(field));
    else if (condition !== null && condition[1] === undefined) {
      const holds = valueOf(condition[2]!) !== "";
      blocks.push({ isWritten: holds, wasWritten: holds });
    } else if (condition !== null || action === "else") {
      const block = blocks.at(-1);
      if (block === undefined) throw refused(action);
      block.isWritten = !block.wasWritten &&
        (condition === null || valueOf(condition[2]!) !== "");
      block.wasWritten ||= block.isWritten;
    } else if (action === "end") {
      if (blocks.pop() === undefined) throw refused(action);
    } else if (action !== "") throw refused(action);
    write(trimAfter ? "" : after!);
  }
  if (blocks.length > 0) {
    throw new ShimmyError("invalid", "template: an if has no end", { field: "template" });
  }
  return text + template.slice(end);
}

function refused(action: string): ShimmyError {
  return new ShimmyError(
    "invalid",
    `template: '{{ ${action.slice(0, 60)} }}' is not supported; .System, .Prompt, .Suffix, ` +
      ".Response, if, else and end are",
    { field: "template" },
  );
}
