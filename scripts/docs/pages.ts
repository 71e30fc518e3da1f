import { DIALECTS, fieldTables, routeTable, samplingTable, scopeTable } from "./api.ts";
import {
  commandReference,
  commandTable,
  environmentTable,
  globalOptionTable,
} from "./command_line.ts";
import { launchTable } from "./launch.ts";
import { layerTable } from "./layers.ts";
import { makeManual, MANUAL } from "./manual.ts";
import { fillSections } from "./markdown.ts";
import { programTable } from "./programs.ts";
import { buildTable } from "./runtime.ts";

/** The pages with generated sections, as paths from the repository root. */
export const PAGES: readonly string[] = [
  "docs/api/README.md",
  ...DIALECTS.map((name) => `docs/api/${name}.md`),
  "docs/architecture.md",
  "docs/cli.md",
  "docs/configuration.md",
  "docs/gpu.md",
  "docs/integrations.md",
  "docs/security.md",
];

/** Every generated section by its name. */
export async function makeSections(): Promise<Readonly<Record<string, string>>> {
  return {
    "commands": await commandTable(),
    "command-reference": await commandReference(),
    "global-options": globalOptionTable(),
    "builds": buildTable(),
    "environment": await environmentTable(),
    "launch": unformatted(launchTable()),
    "layers": layerTable(),
    "programs": unformatted(await programTable()),
    "sampling": samplingTable(),
    "scopes": scopeTable(),
    ...Object.fromEntries(DIALECTS.flatMap((name) => [
      [`routes-${name}`, routeTable(name)],
      [`fields-${name}`, unformatted(fieldTables(name))],
    ])),
  };
}

/** Keeps `deno fmt` from padding wide tables: one changed note would change every line. */
function unformatted(section: string): string {
  return `<!-- deno-fmt-ignore-start -->\n\n${section}\n\n<!-- deno-fmt-ignore-end -->`;
}

/** A page as it is and as it should be. */
export interface Page {
  readonly name: string;
  readonly current: string;
  readonly made: string;
}

/** Reads every page and generates its sections. */
export async function makePages(): Promise<Page[]> {
  const sections = await makeSections();
  const read = (name: string) => Deno.readTextFile(new URL(`../../${name}`, import.meta.url));
  const pages = await Promise.all(PAGES.map(async (name) => {
    const current = await read(name);
    return { name, current, made: fillSections(current, sections) };
  }));
  const manual = { name: MANUAL, current: await read(MANUAL), made: await makeManual() };
  return [...pages, manual];
}
