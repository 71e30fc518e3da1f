/** A line of a terminal session. */
export interface Line {
  /** `continued`: a further line of a command. */
  readonly kind: "command" | "continued" | "output";
  readonly text: string;
}

/** Characters in a line of the picture. */
const COLUMNS = 92;
/** Rows that the output of a command may take. */
const MOST_ROWS = 6;

const CHARACTER = 7.8;
const ROW = 19;
const MARGIN = 20;
const HEAD = 34;

const STYLE = `
  .window { fill: #f6f8fa; stroke: #d0d7de; }
  .dot { fill: #d0d7de; }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #24292f; white-space: pre; }
  .output { fill: #57606a; }
  .prompt { fill: #1a7f37; font-weight: bold; }
  @media (prefers-color-scheme: dark) {
    .window { fill: #161b22; stroke: #30363d; }
    .dot { fill: #30363d; }
    text { fill: #e6edf3; }
    .output { fill: #9198a1; }
    .prompt { fill: #3fb950; }
  }`;

/** Cuts lines at the width of the picture, and long output of a command. */
function wrap(lines: readonly Line[]): Line[] {
  const wrapped: Line[] = [];
  let outputRows = 0;
  for (const line of lines) {
    if (line.kind !== "output") outputRows = 0;
    const room = line.kind === "command" ? COLUMNS - 2 : COLUMNS;
    split(line.text, room).forEach((text, index) => {
      if (line.kind === "output" && ++outputRows > MOST_ROWS) {
        if (outputRows === MOST_ROWS + 1) wrapped.push({ kind: "output", text: "..." });
      } else wrapped.push({ kind: index === 0 ? line.kind : "output", text });
    });
  }
  return wrapped;
}

/** Splits a line at the width, after a comma or a space where one is near the end. */
function split(line: string, width: number): string[] {
  const rows: string[] = [];
  let rest = [...line];
  while (rest.length > width) {
    const near = rest.slice(0, width).findLastIndex((character) => ", ".includes(character)) + 1;
    const at = near > width / 2 ? near : width;
    rows.push(rest.slice(0, at).join(""));
    rest = rest.slice(at);
  }
  return [...rows, rest.join("")];
}

function escapeXml(text: string): string {
  return text
    // XML allows no control characters.
    // deno-lint-ignore no-control-regex
    .replaceAll(/[\x00-\x1f\x7f]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A terminal session as SVG, with colors for light and dark pages. */
export function renderTerminal(lines: readonly Line[], title: string): string {
  const rows = wrap(lines);
  const width = Math.ceil(COLUMNS * CHARACTER) + 2 * MARGIN;
  const height = HEAD + rows.length * ROW + MARGIN;
  const texts = rows.map(({ kind, text }, index) => {
    const y = HEAD + (index + 1) * ROW - 5;
    const prompt = kind === "command" ? '<tspan class="prompt">$ </tspan>' : "";
    const style = kind === "output" ? ' class="output"' : "";
    return `  <text x="${MARGIN}" y="${y}"${style} xml:space="preserve">${prompt}${
      escapeXml(text)
    }</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" role="img" aria-label="${escapeXml(title)}">`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect class="window" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...[0, 1, 2].map((dot) => `  <circle class="dot" cx="${20 + 18 * dot}" cy="18" r="6"/>`),
    ...texts,
    "</svg>",
    "",
  ].join("\n");
}
