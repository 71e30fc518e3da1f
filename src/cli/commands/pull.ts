import type { ModelEntry } from "../../models/entry/mod.ts";
import { missingBytes, parseReference, type PulledModel } from "../../models/pull/mod.ts";
import { type Call, command, EXIT, stoppable, type World } from "../environment/mod.ts";
import { modelStore, pullShown } from "../pulling/mod.ts";
import { flag, integer, type Option, UsageError } from "../options/mod.ts";

const OPTIONS = {
  "sha256": checksum(),
  "connections": integer({
    min: 1,
    max: 32,
    fallback: 4,
    help: "connections at once for a large file; the default is 4",
  }),
  "json": flag({ help: "print JSON" }),
} as const;

/** `pull`: downloads a model to where other tools find it too. */
export default command({
  operands: ["REF"],
  notes: [
    ["hf:owner/repo", "from Hugging Face: Q4_K_M, else what is nearest to it"],
    ["hf:owner/repo:QUANT", "that quantization"],
    ["hf:owner/repo/file.gguf", "that file, or the set of shards it belongs to"],
    ["hf:owner/repo@revision", "of a branch, a tag or a commit; :QUANT or /file.gguf may follow"],
    ["ollama:name[:tag]", "from Ollama's registry"],
    ["https://host/file.gguf", "a file from anywhere"],
  ],
  options: OPTIONS,
  run: async ({ values, operands, globals, config }, world) =>
    await stoppable(world, EXIT.interrupted, async (signal) => {
      const { sha256, connections } = values;
      const asked = operands[0]!;
      if (sha256 !== null && parseReference(asked).kind !== "url") {
        throw new UsageError("--sha256: is for https: URLs; other places tell it themselves");
      }
      const store = modelStore(world);
      const plan = await store.plan(asked, { sha256, signal });
      const missing = missingBytes(plan);
      const pulled = await pullShown(world, store, plan, { connections, signal });
      const { paths } = pulled;
      const name = await nameOf(pulled, { globals, config }, world);
      if (!values.json) await world.output.print(name);
      else {
        const { reference } = plan;
        const report = { reference, name, paths, downloaded: missing !== 0 };
        await world.output.print(JSON.stringify(report));
      }
      return EXIT.ok;
    }),
});

/** What a model is called from now on: another file may have had the name before. */
async function nameOf(
  { name, paths }: PulledModel,
  { globals, config }: Pick<Call<typeof OPTIONS>, "globals" | "config">,
  world: World,
): Promise<string> {
  await using session = await world.openSession({ globals, config, parallel: 1, paths: "found" });
  const models = await session.pool.list();
  // In Ollama's store one file has several names, of which the one that was asked for is right.
  const isThis = (one: ModelEntry) => one.paths[0] === paths[0];
  const isNamed = (one: ModelEntry) => one.name === name || one.aliases?.includes(name);
  const found = models.find(isThis);
  return found === undefined || isNamed(found) ? name : found.name;
}

function checksum(): Option<string | null> {
  return {
    value: "HEX",
    help: "what a file from an https: URL must hash to; other places tell it themselves",
    read: ([given], label) => {
      if (given === undefined) return null;
      if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
      throw new UsageError(`${label}: must be 64 hexadecimal digits`);
    },
  };
}
