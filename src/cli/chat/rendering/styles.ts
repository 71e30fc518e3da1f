/** Text attributes of a terminal (ECMA-48, SGR). Each function marks a text or begins a style. */
export interface Styles {
  readonly bold: Style;
  readonly italic: Style;
  readonly strike: Style;
  readonly underline: Style;
  readonly dim: Style;
  readonly code: Style;
  readonly keyword: Style;
  readonly string: Style;
  readonly comment: Style;
  readonly number: Style;
}

/** The sequences around a marked text. */
export interface Style {
  readonly on: string;
  readonly off: string;
}

function style(on: number, off: number): Style {
  return { on: `\x1b[${on}m`, off: `\x1b[${off}m` };
}

/** Attributes and the first eight colours, which follow the theme of the terminal. */
export const STYLES: Styles = {
  bold: style(1, 22),
  dim: style(2, 22),
  italic: style(3, 23),
  underline: style(4, 24),
  strike: style(9, 29),
  code: style(36, 39),
  keyword: style(35, 39),
  string: style(32, 39),
  comment: style(90, 39),
  number: style(33, 39),
};

const PLAIN: Style = { on: "", off: "" };

/** No attributes, for output without colours. */
export const NO_STYLES: Styles = Object.fromEntries(
  Object.keys(STYLES).map((name) => [name, PLAIN]),
) as unknown as Styles;

/** A text in a style. */
export function styled({ on, off }: Style, text: string): string {
  return `${on}${text}${off}`;
}

/** A text without attributes. */
export function withoutStyles(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[\d;]*m/g, "");
}
