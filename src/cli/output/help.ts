import type { Command } from "../environment/mod.ts";
import { table } from "./format.ts";
import { GLOBAL_OPTIONS, type OptionSet } from "../options/mod.ts";

/** What stands in the environment and is no option's. */
export const ENVIRONMENT = [
  ["SHIMMY_LORA_GGUF", "an adapter for the default model, FILE or FILE:SCALE"],
  ["SHIMMY_LIBLLAMA", "a folder with libllama"],
  ["SHIMMY_CACHE_DIR", "where fetched libraries and saved sessions are kept"],
  ["SHIMMY_RELEASE_BASE", "where llama.cpp's release archives are, instead of on GitHub"],
  ["SHIMMY_LOG", "error, warn, info or debug, and json for one object a line"],
  ["OLLAMA_MODELS", "Ollama's store"],
  ["HF_HOME", "Hugging Face's folder"],
  ["HF_HUB_CACHE", "its cache of models, also as HUGGINGFACE_HUB_CACHE"],
  ["HF_TOKEN", "an account's token for repositories that are gated or private"],
  ["HF_ENDPOINT", "where the hub is, in place of https://huggingface.co"],
  ["SHIMMY_OLLAMA_REGISTRY", "where Ollama's registry is, in place of its own"],
] as const;

/** `shimmy --help`. */
export function overview(commands: readonly (readonly [name: string, summary: string])[]): string {
  return [
    "shimmy <command> [options]",
    section("Commands", commands.map(([name, summary]) => [name, summary])),
    section("Options of every command", optionRows(GLOBAL_OPTIONS)),
    section("Environment", ENVIRONMENT.map(([name, help]) => [name, help])),
    "shimmy <command> --help tells more. shimmy --version shows Shimmy's and libllama's.",
  ].join("\n\n");
}

/** `shimmy <command> --help`. */
export function commandHelp(name: string, summary: string, command: Command): string {
  const own = optionRows(command.options);
  return [
    `shimmy ${[name, ...command.operands].join(" ")} [options]: ${summary}`,
    ...(command.notes === undefined ? [] : [section(command.operands.join(" "), command.notes)]),
    ...(own.length === 0 ? [] : [section("Options", own)]),
    section("Options of every command", optionRows(GLOBAL_OPTIONS)),
  ].join("\n\n");
}

function optionRows(options: OptionSet): [string, string][] {
  return Object.entries(options).map(([name, { value, env, help, repeatable }]) => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    [
      help,
      ...(repeatable ? ["may be repeated"] : []),
      ...(env === undefined ? [] : [`else ${env}`]),
    ].join("; "),
  ]);
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return `${title}:\n${table(rows.map(([left, right]) => [`  ${left}`, right]))}`;
}
