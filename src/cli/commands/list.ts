import type { ModelEntry } from "../../models/entry/mod.ts";
import { command, EXIT } from "../environment/mod.ts";
import { bytes, parameters, printable, table } from "../output/mod.ts";
import { flag } from "../options/mod.ts";

/** `list`: lists available models. */
export default command({
  operands: [],
  options: {
    "short": flag({ help: "print only names" }),
    "json": flag({ help: "print JSON" }),
  },
  run: async ({ values, globals, config }, environment) => {
    await using session = await environment.openModelSession({
      globals,
      config,
      parallel: 1,
      paths: "found",
    });
    const entries = await session.registry.list();
    if (values.json) await environment.output.print(JSON.stringify(entries.map(entryJson)));
    else if (values.short) {
      for (const entry of entries) await environment.output.print(printable(entry.name));
    } else await environment.output.print(entryTable(entries));
    return EXIT.ok;
  },
});

/** A model for `--json`. Sizes are in bytes. */
export function entryJson(entry: ModelEntry) {
  return {
    name: entry.name,
    ...(entry.aliases === undefined ? {} : { aliases: entry.aliases }),
    kind: entry.kind,
    architecture: entry.architecture,
    parameters: entry.parameters,
    quantization: entry.quantization,
    context_length: entry.contextLength,
    embedding_length: entry.embeddingLength,
    size: entry.size,
    modified: new Date(entry.modified).toISOString(),
    source: entry.source,
    paths: entry.paths,
    loras: entry.loras,
  };
}

/** Models as a table. */
export function entryTable(entries: readonly ModelEntry[]): string {
  return table([
    ["NAME", "PARAMETERS", "QUANT", "SIZE", "CONTEXT", "KIND", "ARCHITECTURE", "SOURCE"],
    ...entries.map((entry) => [
      entry.name,
      parameters(entry.parameters),
      entry.quantization,
      bytes(entry.size),
      String(entry.contextLength ?? "?"),
      entry.kind,
      entry.architecture,
      entry.source,
    ]),
  ]);
}
