import { GLOBAL_OPTIONS } from "../../src/cli/options/global_options.ts";
import { ENVIRONMENT_VARIABLES } from "../../src/cli/output/help.ts";
import { loadCommands } from "../../src/cli/commands/table.ts";
import type { OptionSet } from "../../src/cli/options/options.ts";
import { code, table } from "./markdown.ts";

/** A table of the commands. */
export async function commandTable(): Promise<string> {
  return table(
    ["command", "does"],
    (await loadCommands()).map(({ name, summary, command }) => [
      code(["shimmy", name, ...command.operands].join(" ")),
      summary,
    ]),
  );
}

/** Every command with a table of its own options. */
export async function commandReference(): Promise<string> {
  return (await loadCommands()).map(({ name, summary, command }) =>
    [
      `### ${code(["shimmy", name, ...command.operands].join(" "))}`,
      `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
      ...(command.notes === undefined
        ? []
        : [table([code(command.operands.join(" ")), "meaning"], command.notes.map(noteRow))]),
      Object.keys(command.options).length === 0
        ? "This command has no options of its own."
        : optionTable(command.options),
    ].join("\n\n")
  ).join("\n\n");
}

function noteRow([form, meaning]: readonly [string, string]): string[] {
  return [code(form), meaning];
}

/** A table of the options every command takes. */
export function globalOptionTable(): string {
  return optionTable(GLOBAL_OPTIONS);
}

/** A table of the environment variables: those of options, and the others. */
export async function environmentTable(): Promise<string> {
  const options: [string, OptionSet][] = [
    ["", GLOBAL_OPTIONS],
    ...(await loadCommands()).map(({ name, command }) =>
      [`${name} `, command.options] as [string, OptionSet]
    ),
  ];
  // Several commands share an option: one row names them all.
  const overrides = new Map<string, string[]>();
  for (const [command, set] of options) {
    for (const [name, { env, help }] of Object.entries(set)) {
      if (env === undefined) continue;
      const row = JSON.stringify([env, help]);
      overrides.set(row, [...overrides.get(row) ?? [], code(`${command}--${name}`)]);
    }
  }
  const fromOptions = [...overrides].map(([row, names]) => {
    const [env, help] = JSON.parse(row);
    const verb = names.length === 1 ? "overrides" : "override";
    return [code(env), `${help}; ${names.join(", ")} ${verb} it`];
  });
  return table(["variable", "meaning"], [
    ...fromOptions,
    ...ENVIRONMENT_VARIABLES.map(([name, help]) => [code(name), help]),
  ]);
}

function optionTable(options: OptionSet): string {
  return table(
    ["option", "meaning"],
    Object.entries(options).map(([name, { value, bare, short, help, repeatable }]) => [
      [
        ...(short === undefined ? [] : [`${code(`-${short}`)}, `]),
        code(
          `--${name}${value === undefined ? "" : bare === undefined ? ` ${value}` : ` [${value}]`}`,
        ),
      ].join(""),
      repeatable ? `${help}; may be repeated` : help,
    ]),
  );
}
