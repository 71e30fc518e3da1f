import { describeCommands, SHELLS } from "../../completion/mod.ts";
import { command, EXIT } from "../../environment/mod.ts";
import { UsageError } from "../../options/mod.ts";
import { loadCommands } from "../table.ts";

/** `completion`: prints the completion script of a shell. */
export default command({
  operands: [Object.keys(SHELLS).join("|")],
  options: {},
  run: async ({ operands: [shell = ""] }, environment) => {
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (script === undefined) {
      const shells = Object.keys(SHELLS).join(", ");
      throw new UsageError(`completion: the shell must be one of ${shells}, not '${shell}'`);
    }
    await environment.output.print(script(describeCommands(await loadCommands())).trimEnd());
    return EXIT.ok;
  },
});
