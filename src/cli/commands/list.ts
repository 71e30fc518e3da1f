import type { ModelEntry } from "../../models/entry/mod.ts";
import { command, EXIT } from "../environment/mod.ts";
import { bytes, parameters, table } from "../output/mod.ts";
import { flag } from "../options/mod.ts";

/** `list`: the models that can be had. */
export default command({
  operands: [],
  options: {
    "short": flag({ help: "names alone" }),
    "json": flag({ help: "print JSON" }),
  },
  run: async ({ values, globals, config }, world) => {
    await using session = await world.openSession({ globals, config, parallel: 1, paths: "found" });
    const entries = await session.pool.list();
    if (values.json) await world.output.print(JSON.stringify(entries.map(entryJson)));
    else if (values.short) {
      for (const entry of entries) await world.output.print(entry.name);
    } else await world.output.print(entryTable(entries));
    return EXIT.ok;
  },
});

/** An entry for a program to read. Sizes are in bytes. */
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

/** Entries for a person to read. */
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
