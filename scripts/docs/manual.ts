/** The manual page shimmy(1), from the tables that make the help. Format: man(7) of groff. */
import { loadCommands } from "../../src/cli/commands/table.ts";
import { ENVIRONMENT_VARIABLES, EXIT_STATUSES } from "../../src/cli/output/help.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/options/global_options.ts";
import type { OptionSet } from "../../src/cli/options/options.ts";
import { VERSION } from "../../src/version.ts";

/** Where the manual page lies, from the repository root. */
export const MANUAL = "packaging/man/shimmy.1";

/** When the wording of the page last changed as a whole. */
const DATE = "2026-11-29";

/** Makes the manual page. */
export async function makeManual(): Promise<string> {
  const commands = await loadCommands();
  const options = commands.flatMap(({ command }) => Object.values(command.options));
  const variables = [...options, ...Object.values(GLOBAL_OPTIONS)]
    .flatMap(({ env, help }) => env === undefined ? [] : [[env, help] as const]);
  return [
    // `mandoc` wants a date; the date of the day would change the page without a reason.
    `.TH SHIMMY 1 ${DATE} "Shimmy ${VERSION}" "User Commands"`,
    ".SH NAME",
    "shimmy \\- local inference server and command line for GGUF models",
    ".SH SYNOPSIS",
    ".B shimmy",
    ".I command",
    ".RI [ options ]",
    ".SH DESCRIPTION",
    "Shimmy loads language models in GGUF files.",
    "The server answers over HTTP, server\\-sent events and WebSocket,",
    "with the APIs of OpenAI, Anthropic and Ollama.",
    "The command line answers prompts, chats, and downloads and measures models.",
    "Results go to standard output, everything else to standard error.",
    ".SH COMMANDS",
    ...commands.flatMap(({ name, summary, command }) => [
      `.SS ${["shimmy", name, ...command.operands].map(escaped).join(" ")}`,
      `${escaped(sentence(summary))}`,
      ...(command.notes ?? []).flatMap(([form, meaning]) => entry(escaped(form), meaning)),
      ...optionEntries(command.options),
    ]),
    ".SH GLOBAL OPTIONS",
    "Every command takes these options.",
    ...optionEntries(GLOBAL_OPTIONS),
    ".SH ENVIRONMENT",
    ...[...new Map([...variables, ...ENVIRONMENT_VARIABLES])]
      .flatMap(([name, meaning]) => entry(escaped(name), meaning)),
    ".SH EXIT STATUS",
    ...EXIT_STATUSES.flatMap(([status, meaning]) => entry(status, meaning)),
    ".SH FILES",
    ...entry(
      "shimmy.json",
      "configuration, in the working directory or the user's configuration folder",
    ),
    "",
  ].join("\n");
}

function optionEntries(options: OptionSet): string[] {
  return Object.entries(options).flatMap(([name, { value, bare, short, help, repeatable }]) => {
    const forms = [...(short === undefined ? [] : [`-${short}`]), `--${name}`].map(escaped);
    const text = `\\fB${forms.join("\\fR, \\fB")}\\fR` +
      (value === undefined
        ? ""
        : bare === undefined
        ? ` \\fI${escaped(value)}\\fR`
        : ` [\\fI${escaped(value)}\\fR]`);
    return entry(text, repeatable ? `${help}; may be repeated` : help);
  });
}

/** A tagged paragraph; the tag is escaped already. */
function entry(tag: string, text: string): string[] {
  return [".TP", tag, ...wrapped(escaped(sentence(text)))];
}

/** Lines of at most 80 bytes, where words allow it. A line never begins as a request does. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 78) {
      lines.push(line);
      line = word.replace(/^(['.])/, "\\&$1");
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Text without requests and escapes of roff: a hyphen is a minus, as users type it. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(['.])/, "\\&$1");
}
