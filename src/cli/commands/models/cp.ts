import { addModelName } from "../../config/mod.ts";
import { command, EXIT } from "../../environment/mod.ts";
import { UsageError } from "../../options/mod.ts";
import { printable } from "../../output/mod.ts";

/** `cp`: gives a model another name in the configuration file. No file of the model is copied. */
export default command({
  operands: ["SOURCE", "NAME"],
  notes: [
    ["SOURCE", "model name, or path of a GGUF file"],
    ["NAME", "new name; without spaces, and not the name of another model"],
  ],
  options: {},
  run: async ({ globals, config, configPaths, operands }, environment) => {
    const [source, given] = operands as [string, string];
    const name = given.toLowerCase();
    if (
      /[\s\p{Cc}]/u.test(name) || name === "" || /\.gguf$|^(hf|ollama|https?):|^[./~\\]/.test(name)
    ) {
      throw new UsageError(
        `cp: NAME must be a name without spaces that is no path and no reference, ` +
          `not '${printable(given)}'`,
      );
    }
    await using session = await environment.openModelSession({
      globals,
      config,
      parallel: 1,
      paths: "any",
    });
    const entry = await session.registry.resolve(source);
    const models = await session.registry.list();
    if (models.some((model) => model.name === name)) {
      throw new UsageError(`cp: a model has the name '${name}' already`);
    }
    // A path outside of the model directories is no name that an alias can refer to.
    const target = entry.source === "path" ? { path: entry.paths[0]! } : { name: entry.name };
    const path = config?.path ?? configPaths.at(-1)!;
    await addModelName(path, config?.text ?? null, name, target);
    environment.output.note(printable(`Added the name ${name} for ${entry.name} to ${path}`));
    return EXIT.ok;
  },
});
