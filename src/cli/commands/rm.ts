import { ShimmyError } from "../../errors.ts";
import { isReference } from "../../models/pull/mod.ts";
import { command, EXIT } from "../environment/mod.ts";
import { bytes } from "../output/mod.ts";
import { agreed, modelStore } from "../pulling/mod.ts";
import { flag } from "../options/mod.ts";

/** `rm`: removes a model; what Shimmy did not pull only when the user agrees. */
export default command({
  operands: ["NAME"],
  options: {
    "yes": flag({ help: "do not ask, also where the model was not pulled by Shimmy" }),
  },
  run: async ({ values, globals, operands }, world) => {
    const store = modelStore(world);
    const asked = operands[0]!;
    const named = await nameOf(asked, () => store.find(asked));
    await using session = await world.openSession({ globals, named, parallel: 1, paths: "any" });
    const entry = await session.pool.resolve(named);
    const removal = await store.removal(entry, named);
    const size = bytes(removal.bytes);
    if (!removal.owned) {
      const why = `${entry.name} was not pulled by Shimmy, and other programs may need it`;
      const answer = await agreed(world, `${why}. Remove its ${size}?`, { yes: values.yes });
      if (answer === null) {
        throw new ShimmyError("invalid", `${why}; say --yes to remove it all the same`, {
          detail: entry.paths[0]!,
        });
      }
      if (!answer) throw new ShimmyError("invalid", `${entry.name} was not removed`);
    }
    await removal.run();
    for (const path of removal.files) {
      if (globals.verbose) world.output.note(`removed ${path}`);
    }
    await world.output.print(`Removed ${entry.name} (${size})`);
    return EXIT.ok;
  },
});

/** A reference stands for the model that was pulled under it. */
async function nameOf(
  asked: string,
  find: () => Promise<{ readonly name: string; readonly paths: readonly string[] } | null>,
): Promise<string> {
  if (!isReference(asked)) return asked;
  const model = await find();
  if (model === null) {
    throw new ShimmyError("not_found", `Nothing was pulled from ${asked}`, { field: "model" });
  }
  return /^ollama:/i.test(asked) ? model.name : model.paths[0]!;
}
