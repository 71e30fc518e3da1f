import { messageOf } from "../../../errors.ts";
import type { ModelEntry } from "../../../models/entry/mod.ts";
import {
  missingBytes,
  parseReference,
  type PulledModel,
  type Reference,
} from "../../../models/pull/mod.ts";
import {
  type Call,
  command,
  type Environment,
  EXIT,
  interruptible,
  openFoundModels,
} from "../../environment/mod.ts";
import { printable } from "../../output/mod.ts";
import { modelStore, pullWithProgress } from "../../pulling/mod.ts";
import { flag, integer, type Option, UsageError } from "../../options/mod.ts";

const OPTIONS = {
  "sha256": checksum(),
  "connections": integer({
    min: 1,
    max: 32,
    fallback: 4,
    help: "parallel connections for a large file; default 4",
  }),
  "json": flag({ help: "print JSON" }),
} as const;

/** `pull`: downloads a model into the directories that other tools share. */
export default command({
  operands: ["REF"],
  notes: [
    ["hf:owner/repo", "Hugging Face repository; Q4_K_M, or the nearest quantization"],
    ["hf:owner/repo:QUANT", "a quantization of the repository"],
    ["hf:owner/repo/file.gguf", "a file of the repository, with all shards of a split model"],
    ["hf:owner/repo@revision", "a branch, tag or commit; :QUANT or /file.gguf may follow"],
    ["ollama:name[:tag]", "a model of the Ollama registry"],
    ["https://host/file.gguf", "a file from any server"],
  ],
  options: OPTIONS,
  run: async ({ values, operands, globals, config }, environment) =>
    await interruptible(environment, EXIT.interrupted, async (signal) => {
      const { sha256, connections } = values;
      const asked = operands[0]!;
      if (sha256 !== null && referenceOf(asked).kind !== "url") {
        throw new UsageError(
          "--sha256: applies only to https: URLs; other sources publish checksums",
        );
      }
      referenceOf(asked);
      const store = modelStore(environment);
      const withProjector = !globals["no-mmproj"];
      const plan = await store.plan(asked, { sha256, withProjector, signal });
      const missing = missingBytes(plan);
      const pulled = await pullWithProgress(environment, store, plan, { connections, signal });
      const { paths } = pulled;
      const name = await nameOf(pulled, { globals, config }, environment);
      if (!values.json) await environment.output.print(printable(name));
      else {
        const { reference } = plan;
        const report = { reference, name, paths, downloaded: missing !== 0 };
        await environment.output.print(JSON.stringify(report));
      }
      return EXIT.ok;
    }),
});

/** @throws {UsageError} for a text that is no reference, such as a model's name. */
function referenceOf(asked: string): Reference {
  try {
    return parseReference(asked);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** The name of the pulled model. Another file may already have the name of the file. */
async function nameOf(
  { name, paths }: PulledModel,
  call: Pick<Call<typeof OPTIONS>, "globals" | "config">,
  environment: Environment,
): Promise<string> {
  await using session = await openFoundModels(environment, call);
  const models = await session.registry.list();
  // A file in Ollama's store can have several names; the requested one is kept.
  const isThis = (one: ModelEntry) => one.paths[0] === paths[0];
  const isNamed = (one: ModelEntry) => one.name === name || one.aliases?.includes(name);
  const found = models.find(isThis);
  return found === undefined || isNamed(found) ? name : found.name;
}

function checksum(): Option<string | null> {
  return {
    value: "HEX",
    help: "expected SHA-256 of a file from an https: URL; other sources publish checksums",
    read: ([given], label) => {
      if (given === undefined) return null;
      if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
      throw new UsageError(`${label}: must be 64 hexadecimal digits`);
    },
  };
}
