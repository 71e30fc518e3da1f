import { fieldTables, routeTables, samplingTable } from "./api.ts";
import {
  commandReference,
  commandTable,
  environmentTable,
  globalOptionTable,
} from "./command_line.ts";
import { fillSections } from "./markdown.ts";
import { buildTable } from "./runtime.ts";

/** The pages with generated sections, from the top of the repository. */
export const PAGES = ["README.md", "docs/api.md", "docs/cli.md", "docs/gpu.md"] as const;

/** Every generated section by its name. */
export async function makeSections(): Promise<Readonly<Record<string, string>>> {
  return {
    "commands": await commandTable(),
    "command-reference": await commandReference(),
    "global-options": globalOptionTable(),
    "builds": buildTable(),
    "environment": await environmentTable(),
    "routes": routeTables(),
    "sampling": samplingTable(),
    // The tables are wide: padded, they would be mostly spaces, and change as a whole with one note.
    "fields": `<!-- deno-fmt-ignore-start -->\n\n${fieldTables()}\n\n<!-- deno-fmt-ignore-end -->`,
  };
}

/** A page as it should be, and as it is. */
export interface Page {
  readonly name: string;
  readonly current: string;
  readonly made: string;
}

/** Reads every page and makes it anew. */
export async function makePages(): Promise<Page[]> {
  const sections = await makeSections();
  return await Promise.all(PAGES.map(async (name) => {
    const current = await Deno.readTextFile(new URL(`../../${name}`, import.meta.url));
    return { name, current, made: fillSections(current, sections) };
  }));
}
