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
      const names = entries.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
      for (const name of names) await environment.output.print(printable(name));
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

/** Models as a table. Aliases have a column if a model has one. */
export function entryTable(entries: readonly ModelEntry[]): string {
  const hasAliases = entries.some(({ aliases = [] }) => aliases.length > 0);
  const aliasesOf = (text: string) => hasAliases ? [text] : [];
  return table([
    [
      "NAME",
      ...aliasesOf("ALIASES"),
      "PARAMETERS",
      "QUANT",
      "SIZE",
      "CONTEXT",
      "KIND",
      "ARCHITECTURE",
      "SOURCE",
    ],
    ...entries.map((entry) => [
      entry.name,
      ...aliasesOf(entry.aliases?.join(", ") ?? ""),
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
