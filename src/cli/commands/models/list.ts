import type { ModelEntry } from "../../../models/entry/mod.ts";
import { findServer } from "../../answering/mod.ts";
import type { ListedModel } from "../../client/mod.ts";
import {
  type Call,
  command,
  type Environment,
  EXIT,
  interruptible,
  openFoundModels,
  type Output,
} from "../../environment/mod.ts";
import { modelTable, printable } from "../../output/mod.ts";
import { ATTACH_OPTIONS, flag } from "../../options/mod.ts";

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
  if (!short) {
    const rows = models.map(({ context_length, ...model }) => ({
      ...model,
      contextLength: context_length,
    }));
    return await output.print(modelTable(rows));
  }
  for (const { name } of models) await output.print(printable(name));
}

async function listLocal(
  call: Call<typeof OPTIONS>,
  environment: Environment,
): Promise<void> {
  await using session = await openFoundModels(environment, call);
  const { values } = call;
  const entries = await session.registry.list();
  if (values.json) await environment.output.print(JSON.stringify(entries.map(entryJson)));
  else if (values.short) {
    const names = entries.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    for (const name of names) await environment.output.print(printable(name));
  } else await environment.output.print(modelTable(entries));
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
    ...(entry.projector === undefined ? {} : { projector: entry.projector }),
  };
}
