import type { Command } from "../environment/mod.ts";
import { GLOBAL_OPTIONS, type Option, type OptionSet } from "../options/mod.ts";

/** Source of completions for the value of an option or an operand. */
export type ValueKind =
  /** One of these words. */
  | readonly string[]
  | "file"
  | "directory"
  | "model"
  /** No completion. */
  | "text";

/** An option as shells complete it. */
export interface CompletedOption {
  readonly name: string;
  readonly short: string | null;
  readonly help: string;
  /** Null for a flag. */
  readonly value: ValueKind | null;
}

/** A command as shells complete it. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly operands: readonly ValueKind[];
  readonly options: readonly CompletedOption[];
}

/** A command of the command table, loaded. */
export interface LoadedCommand {
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
}

/** Options that every command has and that the tables do not list. */
const HELP: readonly CompletedOption[] = [
  { name: "help", short: "h", help: "show the options of the command", value: null },
  { name: "help-all", short: null, help: "show the global options too", value: null },
];

/** Describes commands for completion, with the global options. */
export function describeCommands(commands: readonly LoadedCommand[]): CompletedCommand[] {
  const global = describeOptions(GLOBAL_OPTIONS);
  return commands.map(({ name, summary, command }) => ({
    name,
    summary,
    operands: command.operands.flatMap(operandKinds),
    options: [...describeOptions(command.options), ...global, ...HELP],
  }));
}

function describeOptions(options: OptionSet): CompletedOption[] {
  return Object.entries(options).map(([name, option]) => ({
    name,
    short: option.short ?? null,
    help: option.help,
    value: valueKind(option),
  }));
}

/** The kind of a value, from its placeholder in the help: `FILE`, `a|b|c`, `NAME`. */
export function valueKind({ value }: Pick<Option<unknown>, "value">): ValueKind | null {
  if (value === undefined) return null;
  const words = value.split("|").filter((word) => /^[a-z0-9_-]+$/.test(word));
  if (words.length > 0) return words;
  if (/^FILE\b/.test(value)) return "file";
  if (value === "A;B" || /^DIR\b/.test(value)) return "directory";
  return /^(NAME|MODEL)\b/.test(value) ? "model" : "text";
}

/** The kinds of an operand such as `[NAME]` or `list|install|remove [VARIANT]`. */
function operandKinds(operand: string): ValueKind[] {
  return operand.split(" ").map((part) => {
    const value = part.replace(/^\[|\]$/g, "").replace(/\.\.\.$/, "");
    return valueKind({ value }) ?? "text";
  });
}
