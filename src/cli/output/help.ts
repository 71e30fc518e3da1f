import type { Command } from "../environment/mod.ts";
import { table } from "./format.ts";
import { GLOBAL_OPTIONS, type OptionSet } from "../options/mod.ts";

/** Environment variables that belong to no option. */
export const ENVIRONMENT_VARIABLES = [
  ["SHIMMY_LORA_GGUF", "adapter for the default model: FILE or FILE:SCALE"],
  ["SHIMMY_LIBLLAMA", "directory with libllama"],
  ["SHIMMY_CACHE_DIR", "directory for downloaded libraries, saved sessions and prefixes on disk"],
  ["SHIMMY_RELEASE_BASE", "base URL of llama.cpp's release archives; default GitHub"],
  [
    "SHIMMY_LOG",
    "log level: error, warn, info or debug, which logs requests; json: one object per line",
  ],
  [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "URL of an OpenTelemetry collector, for traces and metrics; default: none are sent",
  ],
  ["AWS_ACCESS_KEY_ID", "key of the bucket of --shared-cache"],
  ["AWS_SECRET_ACCESS_KEY", "its secret"],
  ["AWS_SESSION_TOKEN", "token of a key that is valid for a limited time"],
  [
    "AWS_ENDPOINT_URL_S3",
    "URL of the bucket's server, if the bucket names none; also AWS_ENDPOINT_URL",
  ],
  ["AWS_REGION", "region of the bucket; also AWS_DEFAULT_REGION; default us-east-1"],
  ["OLLAMA_MODELS", "Ollama's model directory"],
  ["HF_HOME", "Hugging Face's directory"],
  ["HF_HUB_CACHE", "Hugging Face's model cache; also HUGGINGFACE_HUB_CACHE"],
  ["HF_TOKEN", "Hugging Face access token for gated and private repositories"],
  ["HF_HUB_OFFLINE", "1: use cached files of the Hugging Face hub only, without requests"],
  ["HF_ENDPOINT", "URL of the Hugging Face hub; default https://huggingface.co"],
  ["SHIMMY_OLLAMA_REGISTRY", "URL of the Ollama registry"],
  ["HTTPS_PROXY", "proxy of downloads; also HTTP_PROXY and ALL_PROXY, and lower-case names"],
  ["NO_PROXY", "hosts that are reached without the proxy"],
  ["no_proxy", "lower-case form of NO_PROXY"],
  ["NO_COLOR", "any value: the chat shows text without colours and Markdown"],
  ["TERM", "dumb: the chat reads lines instead of keys"],
  ["VISUAL", "editor of the chat's command /edit; default EDITOR"],
  ["EDITOR", "editor of the chat's command /edit; default vi, on Windows notepad"],
  ["PATHEXT", "extensions of executables in PATH on Windows, for launch"],
] as const;

/** Exit statuses and their meanings. */
export const EXIT_STATUSES = [
  ["0", "success"],
  ["1", "failure"],
  ["2", "usage error"],
  ["130", "interrupted"],
] as const;

/** `shimmy --help`, or with `all` also the global options and the environment variables. */
export function overview(
  commands: readonly (readonly [name: string, summary: string])[],
  all: boolean,
): string {
  return [
    "shimmy <command> [options]",
    section("Commands", commands),
    ...(all
      ? [
        section("Global options", optionRows(GLOBAL_OPTIONS)),
        section("Environment variables", ENVIRONMENT_VARIABLES),
        section("Exit status", EXIT_STATUSES),
      ]
      : []),
    [
      "shimmy help <command>, or shimmy <command> --help, shows the options of a command.",
      ...(all ? [] : ["shimmy --help-all shows global options and environment variables."]),
      "shimmy --version shows the versions of Shimmy and libllama.",
    ].join("\n"),
  ].join("\n\n");
}

/** `shimmy <command> --help`, or with `all` also the global options. */
export function commandHelp(
  name: string,
  summary: string,
  command: Command,
  all: boolean,
): string {
  const own = optionRows(command.options);
  return [
    `shimmy ${[name, ...command.operands].join(" ")} [options]: ${summary}`,
    ...(command.notes === undefined ? [] : [section(command.operands.join(" "), command.notes)]),
    ...(own.length === 0 ? [] : [section("Options", own)]),
    all
      ? section("Global options", optionRows(GLOBAL_OPTIONS))
      : `shimmy ${name} --help-all shows the global options too, such as --gpu-backend and --ctx.`,
  ].join("\n\n");
}

function optionRows(options: OptionSet): [string, string][] {
  return Object.entries(options).map(([name, { value, bare, short, env, help, repeatable }]) => [
    [
      ...(short === undefined ? [] : [`-${short}, `]),
      `--${name}`,
      ...(value === undefined ? [] : [bare === undefined ? ` ${value}` : ` [${value}]`]),
    ].join(""),
    [
      help,
      ...(repeatable ? ["may be repeated"] : []),
      ...(env === undefined ? [] : [`environment: ${env}`]),
    ].join("; "),
  ]);
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return `${title}:\n${table(rows.map(([left, right]) => [`  ${left}`, right]))}`;
}
