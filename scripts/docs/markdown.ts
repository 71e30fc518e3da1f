/** A table as `deno fmt` writes it: cells padded to the width of their column. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(escape));
  const widths = head.map((_, column) =>
    Math.max(3, ...all.map((row) => [...row[column] ?? ""].length))
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => pad(row[column] ?? "", width)).join(" | ")} |`;
  const [first, ...rest] = all;
  return [line(first!), line(widths.map((width) => "-".repeat(width))), ...rest.map(line)]
    .join("\n");
}

/** A table of long cells, which are not padded. */
export function wideTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows.map((row) => row.map(escape))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

function escape(cell: string): string {
  return cell.replaceAll("|", "\\|");
}

function pad(text: string, width: number): string {
  return text + " ".repeat(width - [...text].length);
}

/** Text of code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** Where a generated section of a page begins and ends. */
const SECTION = /(<!-- made by `deno task docs`: (\S+) -->\n)[\s\S]*?(\n<!-- end -->)/g;

/**
 * A page with its generated sections made anew; what stands around them is left as it is.
 *
 * @throws {Error} for a section that nobody makes.
 */
export function fillSections(page: string, sections: Readonly<Record<string, string>>): string {
  return page.replace(SECTION, (_, begin: string, name: string, end: string) => {
    const section = sections[name];
    if (section === undefined) throw new Error(`Cannot make section '${name}': it is not known`);
    return `${begin}\n${section}\n${end}`;
  });
}

/** The names of the generated sections of a page. */
export function sectionsOf(page: string): string[] {
  return [...page.matchAll(SECTION)].map(([, , name]) => name!);
}
