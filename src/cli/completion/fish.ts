import type { CompletedCommand, CompletedOption, ValueKind } from "./description.ts";

/** The completion script of fish; `shimmy completion fish | source` loads it. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const lines = [
    "# Completion of shimmy for fish. Load it with: shimmy completion fish | source",
    "complete -c shimmy -e",
    "complete -c shimmy -f",
    ...commands.map(({ name, summary }) =>
      `complete -c shimmy -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`
    ),
    `complete -c shimmy -n __fish_use_subcommand -a help -d 'show the options of a command'`,
    "complete -c shimmy -n __fish_use_subcommand -l version -d 'print the versions'",
    `complete -c shimmy -n '__fish_seen_subcommand_from help' -a ${
      quoted(commands.map(({ name }) => name).join(" "))
    }`,
    ...commands.flatMap(commandLines),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines({ name, operands, options }: CompletedCommand): string[] {
  const condition = `-n '__fish_seen_subcommand_from ${name}'`;
  // fish does not count operands: what one of them may be is offered for each.
  const kinds = new Set(operands.map((kind) => completion(kind)));
  return [
    ...[...kinds].filter((kind) => kind !== "").map((kind) =>
      `complete -c shimmy ${condition} ${kind}`
    ),
    ...options.map((option) => `complete -c shimmy ${condition} ${optionText(option)}`),
  ];
}

function optionText({ name, short, help, value }: CompletedOption): string {
  const forms = [`-l ${name}`, ...(short === null ? [] : [`-s ${short}`])].join(" ");
  if (value === null) return `${forms} -d ${quoted(help)}`;
  return [forms, "-r", completion(value), `-d ${quoted(help)}`].filter((part) => part !== "")
    .join(" ");
}

/** The completion command of a kind of value. */
function completion(kind: ValueKind): string {
  switch (kind) {
    case "file":
      return "-F";
    case "directory":
      return "-a '(__fish_complete_directories)'";
    case "model":
      return "-a '(shimmy list --short 2>/dev/null)'";
    case "text":
      return "";
    default:
      return `-a ${quoted(kind.join(" "))}`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
