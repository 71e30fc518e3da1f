import type { ModelEntry } from "../../models/entry/mod.ts";
import { findServer } from "../answering/mod.ts";
import type { ListedModel } from "../client/mod.ts";
import {
  type Call,
  command,
  type Environment,
  EXIT,
  interruptible,
  type Output,
} from "../environment/mod.ts";
import { bytes, parameters, printable, table } from "../output/mod.ts";
import { ATTACH_OPTIONS, flag } from "../options/mod.ts";

const OPTIONS = {
  "short": flag({ help: "print only names" }),
  "json": flag({ help: "print JSON" }),
  ...ATTACH_OPTIONS,
} as const;

/** `list`: lists the models of a running server, or those that this process finds. */
export default command({
  operands: [],
  options: OPTIONS,
  run: (call, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const { output } = environment;
      const server = await findServer(call.values, environment, signal);
      if (server === null) await listLocal(call, environment);
      else {
        const models = await server.client.list();
        output.note(`The server at ${server.client.address} answers`);
        await listServer(call.values, models, output);
      }
      return EXIT.ok;
    }),
});

async function listServer(
  { json, short }: Pick<Call<typeof OPTIONS>["values"], "json" | "short">,
  models: readonly ListedModel[],
  output: Output,
): Promise<void> {
  if (json) return await output.print(JSON.stringify(models));
  if (!short) return await output.print(serverTable(models));
  for (const { name } of models) await output.print(printable(name));
}

/** The models of a server as a table. */
function serverTable(models: readonly ListedModel[]): string {
  return table([
    [
      "NAME",
      "PARAMETERS",
      "QUANT",
      "SIZE",
      "CONTEXT",
      "KIND",
      "ARCHITECTURE",
      "SOURCE",
      "STATE",
    ],
    ...models.map((model) => [
      model.name,
      parameters(model.parameters),
      model.quantization,
      bytes(model.size),
      String(model.context_length ?? "?"),
      model.kind,
      model.architecture,
      model.source,
      model.state,
    ]),
  ]);
}

async function listLocal(
  { values, globals, config }: Call<typeof OPTIONS>,
  environment: Environment,
): Promise<void> {
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
}

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
