import type { Discovery } from "../../models/entry/mod.ts";
import { command, EXIT } from "../environment/mod.ts";
import { table } from "../output/mod.ts";
import { flag } from "../options/mod.ts";
import { entryJson, entryTable } from "./list.ts";

/** `discover`: looks at every place and tells what was found where, and what was not usable. */
export default command({
  operands: [],
  options: {
    "llm-only": flag({ help: "leave out embedding and rerank models" }),
    "json": flag({ help: "print JSON" }),
  },
  run: async ({ values, globals, config }, { output, openSession }) => {
    await using session = await openSession({ globals, config, parallel: 1, paths: "found" });
    const { models, skipped, sources } = await session.pool.discovery();
    const shown = values["llm-only"] ? models.filter((entry) => entry.kind === "language") : models;
    if (values.json) {
      await output.print(
        JSON.stringify({ models: shown.map(entryJson), skipped, places: sources }),
      );
      return EXIT.ok;
    }
    await output.print(entryTable(shown));
    for (const entry of shown) await output.print(`${entry.name}: ${entry.paths.join(", ")}`);
    await output.print(sourceTable(sources));
    for (const { path, reason } of skipped) output.note(`skipped ${path}: ${reason}`);
    return EXIT.ok;
  },
});

function sourceTable(sources: Discovery["sources"]): string {
  return table([
    ["PLACE", "SOURCE", "MODELS"],
    ...sources.map(({ path, source, exists, models }) => [
      path,
      source,
      exists ? String(models) : "not there",
    ]),
  ]);
}
