import type { Discovery } from "../../../models/entry/mod.ts";
import { command, EXIT, openFoundModels } from "../../environment/mod.ts";
import { modelTable, printable, table } from "../../output/mod.ts";
import { flag } from "../../options/mod.ts";
import { entryJson } from "./list.ts";

/** `discover`: searches all model directories and reports the models and the unusable files. */
export default command({
  operands: [],
  options: {
    "llm-only": flag({ help: "omit embedding and rerank models" }),
    "json": flag({ help: "print JSON" }),
  },
  run: async (call, environment) => {
    await using session = await openFoundModels(environment, call);
    const { values } = call;
    const { output } = environment;
    const { models, skipped, sources } = await session.registry.discovery();
    const shown = values["llm-only"] ? models.filter((entry) => entry.kind === "language") : models;
    if (values.json) {
      await output.print(
        JSON.stringify({ models: shown.map(entryJson), skipped, places: sources }),
      );
      return EXIT.ok;
    }
    await output.print(modelTable(shown));
    for (const entry of shown) {
      await output.print(printable(`${entry.name}: ${entry.paths.join(", ")}`));
    }
    await output.print(sourceTable(sources));
    for (const { path, reason } of skipped) output.note(printable(`Skipped ${path}: ${reason}`));
    return EXIT.ok;
  },
});

function sourceTable(sources: Discovery["sources"]): string {
  return table([
    ["DIRECTORY", "SOURCE", "MODELS"],
    ...sources.map(({ path, source, exists, models }) => [
      path,
      source,
      exists ? String(models) : "missing",
    ]),
  ]);
}
