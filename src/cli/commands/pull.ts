import { missingBytes } from "../../models/pull/mod.ts";
import { command, EXIT } from "../command.ts";
import { modelStore } from "../model_store.ts";
import { flag, integer } from "../option_kinds.ts";
import { type Option, UsageError } from "../options.ts";
import { pullShown } from "../pulling.ts";
import { stoppable } from "../stop.ts";

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
  run: async ({ values, operands }, world) =>
    await stoppable(world, EXIT.interrupted, async (signal) => {
      const { sha256, connections } = values;
      const store = modelStore(world);
      const plan = await store.plan(operands[0]!, { sha256, signal });
      const missing = missingBytes(plan);
      const { name, paths } = await pullShown(world, store, plan, { connections, signal });
      if (!values.json) await world.output.print(name);
      else {
        const { reference } = plan;
        const pulled = { reference, name, paths, downloaded: missing !== 0 };
        await world.output.print(JSON.stringify(pulled));
      }
      return EXIT.ok;
    }),
});

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
