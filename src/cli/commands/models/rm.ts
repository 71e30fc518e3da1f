import { ShimmyError } from "../../../errors.ts";
import { isReference } from "../../../models/pull/mod.ts";
import { removeModelName } from "../../config/mod.ts";
import { command, EXIT } from "../../environment/mod.ts";
import { bytes, printable } from "../../output/mod.ts";
import { confirm, modelStore } from "../../pulling/mod.ts";
import { flag } from "../../options/mod.ts";

/**
 * `rm`: removes a model, or only its name if `cp` gave it. The user must confirm the removal of a model
 * that Shimmy did not pull.
 */
export default command({
  operands: ["NAME"],
  options: {
    "yes": flag({ help: "remove without asking, even a model that Shimmy did not pull" }),
  },
  run: async ({ values, globals, config, operands }, environment) => {
    const store = modelStore(environment);
    const asked = operands[0]!;
    if (config !== null && await removeModelName(config, asked)) {
      const model = config.models.aliases[asked.toLowerCase()];
      await environment.output.print(printable(`Removed the name ${asked}; ${model} stays`));
      return EXIT.ok;
    }
    const named = await nameOf(asked, () => store.find(asked));
    await using session = await environment.openModelSession({
      globals,
      named,
      parallel: 1,
      paths: "any",
    });
    const entry = await session.registry.resolve(named);
    const removal = await store.removal(entry, named);
    // A removal from Ollama's store removes one tag, which may be an alias.
    const tags = [named.toLowerCase(), `${named.toLowerCase()}:latest`];
    const name = entry.aliases?.find((alias) =>
      entry.source === "ollama" && tags.includes(alias)
    ) ??
      entry.name;
    const size = bytes(removal.bytes);
    if (!removal.owned) {
      const why = `${name} was not pulled by Shimmy, and other programs may use it`;
      const answer = await confirm(environment, printable(`${why}. Remove its ${size}?`), {
        yes: values.yes,
      });
      if (answer === null) {
        throw new ShimmyError("invalid", `${why}; use --yes to remove it`, {
          detail: entry.paths[0]!,
        });
      }
      if (!answer) throw new ShimmyError("invalid", `${name} was not removed`);
    }
    await removal.run();
    for (const path of removal.files) {
      if (globals.verbose) environment.output.note(printable(`Removed ${path}`));
    }
    await environment.output.print(printable(`Removed ${name} (${size})`));
    return EXIT.ok;
  },
});

/** The name or path of the model that was pulled from a reference. */
async function nameOf(
  asked: string,
  find: () => Promise<{ readonly name: string; readonly paths: readonly string[] } | null>,
): Promise<string> {
  if (!isReference(asked)) return asked;
  const model = await find();
  if (model === null) {
    throw new ShimmyError("not_found", `No model was pulled from ${asked}`, { field: "model" });
  }
  return /^ollama:/i.test(asked) ? model.name : model.paths[0]!;
}
