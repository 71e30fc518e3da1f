/** Completion scripts for shells, made from the option tables of the commands. */
import { bashCompletion } from "./bash.ts";
import type { CompletedCommand } from "./description.ts";
import { fishCompletion } from "./fish.ts";
import { powershellCompletion } from "./powershell.ts";
import { zshCompletion } from "./zsh.ts";

export { describeCommands, type LoadedCommand } from "./description.ts";

/** Shells that have a completion script. */
export const SHELLS: Readonly<
  Record<string, (commands: readonly CompletedCommand[]) => string>
> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
  powershell: powershellCompletion,
};
