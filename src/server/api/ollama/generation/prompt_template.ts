import { ShimmyError } from "../../../../errors.ts";

/** Values of a template by the names of its fields. `.Response` ends the prompt. */
export type TemplateValues = Readonly<Record<"System" | "Prompt" | "Suffix", string>>;

/** An open `if`: whether its current branch is written, and whether a branch was written already. */
interface Block {
  /** Whether the text around it is written. */
  readonly isInWritten: boolean;
  isWritten: boolean;
  wasWritten: boolean;
}

/** An action in double braces, and where it stands. */
interface Action {
  readonly start: number;
  readonly end: number;
  /** Empty for a comment. */
  readonly text: string;
  /** Whether spaces before and after it are dropped. */
  readonly trimsBefore: boolean;
  readonly trimsAfter: boolean;
}

const FIELD = /^\.(\w+)$/;
const CONDITION = /^(?:(else) )?if \.(\w+)$/;

/** Maximum characters of a prompt: a short template can repeat a long field. */
const MAX_CHARACTERS = 2 ** 25;

/**
 * Renders a prompt template of Ollama's API: the fields `.System`, `.Prompt`, `.Suffix` and
 * `.Response`, `if`, `else` and `end`, comments, and `-` to trim spaces.
 *
 * @throws {ShimmyError} `invalid` for another action, for an `if` without `end`, and for a prompt that is
 * too long.
 */
export function renderTemplate(template: string, values: TemplateValues): string {
  const blocks: Block[] = [];
  const isWritten = () => {
    const block = blocks.at(-1);
    return block === undefined || (block.isInWritten && block.isWritten);
  };
  const valueOf = (name: string): string => {
    if (Object.hasOwn(values, name)) return values[name as keyof TemplateValues];
    if (name === "Response") return "";
    throw refused(`.${name}`);
  };
  let text = "";
  const write = (part: string) => {
    if (!isWritten()) return;
    if (text.length + part.length > MAX_CHARACTERS) {
      const message = `template: the prompt is longer than ${MAX_CHARACTERS} characters`;
      throw new ShimmyError("invalid", message, { field: "template" });
    }
    text += part;
  };
  let end = 0;
  let trims = false;
  const literal = (start: number) => {
    const part = template.slice(end, start);
    return trims ? part.trimStart() : part;
  };
  for (const { text: action, ...place } of actionsOf(template)) {
    const before = literal(place.start);
    write(place.trimsBefore ? before.trimEnd() : before);
    [end, trims] = [place.end, place.trimsAfter];
    const condition = CONDITION.exec(action);
    const field = FIELD.exec(action)?.[1];
    if (field === "Response" && isWritten()) return text;
    if (field !== undefined) write(valueOf(field));
    else if (condition !== null && condition[1] === undefined) {
      const holds = valueOf(condition[2]!) !== "";
      blocks.push({ isInWritten: isWritten(), isWritten: holds, wasWritten: holds });
    } else if (condition !== null || action === "else") {
      const block = blocks.at(-1);
      if (block === undefined) throw refused(action);
      block.isWritten = !block.wasWritten &&
        (condition === null || valueOf(condition[2]!) !== "");
      block.wasWritten ||= block.isWritten;
    } else if (action === "end") {
      if (blocks.pop() === undefined) throw refused(action);
    } else if (action !== "") throw refused(action);
  }
  if (blocks.length > 0) {
    throw new ShimmyError("invalid", "template: an if has no end", { field: "template" });
  }
  write(literal(template.length));
  return text;
}

/**
 * The actions of a template. One regular expression would try each space and each brace as a beginning, and
 * take a time that grows with the square of the length of a template from a client.
 */
function* actionsOf(template: string): Generator<Action> {
  for (let start = template.indexOf("{{"); start >= 0;) {
    const trimsBefore = template[start + 2] === "-";
    const begin = start + (trimsBefore ? 3 : 2);
    const close = template.indexOf("}}", endOfComment(template, begin) ?? begin);
    if (close < 0) return;
    const inner = template.slice(begin, close);
    const trimsAfter = inner.endsWith("-");
    const text = (trimsAfter ? inner.slice(0, -1) : inner).trim();
    const isComment = text.startsWith("/*") && text.endsWith("*/") && text.length >= 4;
    yield { start, end: close + 2, text: isComment ? "" : text, trimsBefore, trimsAfter };
    start = template.indexOf("{{", close + 2);
  }
}

/** The end of a comment, which may contain braces; null for another action. */
function endOfComment(template: string, begin: number): number | null {
  let at = begin;
  while (/\s/.test(template[at] ?? "")) at++;
  if (!template.startsWith("/*", at)) return null;
  const end = template.indexOf("*/", at + 2);
  return end < 0 ? null : end + 2;
}

function refused(action: string): ShimmyError {
  return new ShimmyError(
    "invalid",
    `template: '{{ ${action.slice(0, 60)} }}' is not supported; .System, .Prompt, .Suffix, ` +
      ".Response, if, else and end are",
    { field: "template" },
  );
}
