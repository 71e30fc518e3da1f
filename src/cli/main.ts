import { basename } from "node:path";
import { ShimmyError } from "../errors.ts";
import { similarName } from "../models/entry/mod.ts";
import { type Config, configPaths, findConfig } from "./config/mod.ts";
import {
  checkOperands,
  type Command,
  type Environment,
  EXIT,
  OutputClosed,
} from "./environment/mod.ts";
import { COMMANDS } from "./commands/table.ts";
import { commandHelp, explain, overview } from "./output/mod.ts";
import { checkPlacement, GLOBAL_OPTIONS, parseOptions, UsageError } from "./options/mod.ts";

/** Commands that Shimmy runs in child processes. The help does not list them. */
const DEVICES_COMMAND = "__devices";
const ENGINE_COMMAND = "__engine";
const PLAN_COMMAND = "__plan";
const DIGEST_COMMAND = "__digest";
const RPC_SERVER_COMMAND = "__rpc";

/** Runs a command line. Resolves to the exit status and never throws. */
export async function main(args: readonly string[], environment: Environment): Promise<number> {
  const verbose = args.includes("--verbose");
  try {
    return await dispatch(args, environment);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok;
    environment.output.progress(null);
    if (error instanceof ShimmyError && error.kind === "cancelled") return EXIT.interrupted;
    environment.output.alert(`shimmy: ${explain(error, verbose)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failure;
  }
}

async function dispatch(
  [name, ...rest]: readonly string[],
  environment: Environment,
): Promise<number> {
  const { output } = environment;
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  if (name === undefined) {
    output.alert(overview(summaries, false));
    return EXIT.usage;
  }
  if (name === "help" && rest[0] !== undefined && !rest[0].startsWith("-")) {
    return await dispatch([rest[0], "--help", ...rest.slice(1)], environment);
  }
  if (["--help", "-h", "help", "--help-all"].includes(name)) {
    await output.print(overview(summaries, [name, ...rest].includes("--help-all")));
    return EXIT.ok;
  }
  if (name === "--version" || name === "-V") return await dispatch(["version"], environment);
  if (name === ENGINE_COMMAND) {
    const { engineChild } = await import("../engine/process/child_main.ts");
    return await engineChild();
  }
  if (name === PLAN_COMMAND) {
    const { planChild } = await import("../engine/planning/plan_main.ts");
    await planChild();
    return EXIT.ok;
  }
  if (name === DIGEST_COMMAND) {
    const { digestMain } = await import("../receipts/digest_main.ts");
    await digestMain(rest[0] ?? "");
    return EXIT.ok;
  }
  if (name === RPC_SERVER_COMMAND) {
    const { rpcServerChild } = await import("../rpc/serving/child_main.ts");
    return await rpcServerChild(rest[0] ?? "");
  }
  if (name === DEVICES_COMMAND) {
    const { devicesMain } = await import("../runtime/devices/probe.ts");
    await devicesMain(rest[0] ?? "");
    return EXIT.ok;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw unknownCommand(name);
  const { default: command } = await entry.load();
  // What follows `--` is for another program.
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  const isHelpAll = own.includes("--help-all");
  if (isHelpAll || own.includes("--help") || own.includes("-h")) {
    await output.print(commandHelp(name, entry.summary, command, isHelpAll));
    return EXIT.ok;
  }
  return await runCommand(name, command, rest, environment);
}

async function runCommand(
  name: string,
  command: Command,
  args: readonly string[],
  environment: Environment,
): Promise<number> {
  const { env } = environment;
  const options = { ...GLOBAL_OPTIONS, ...command.options };
  const parsed = parseOptions(args, options, env);
  checkOperands(name, command.operands, parsed);
  const parseWith = (config: Config | null) => {
    const file = config && { label: basename(config.path), options: config.options };
    const { values } = file === null ? parsed : parseOptions(args, options, env, file);
    checkPlacement(values);
    return { values, globals: values, config };
  };
  const search = { named: parsed.values.config, env, cwd: Deno.cwd(), os: Deno.build.os };
  const reload = async () => parseWith(await findConfig(search));
  const { positionals: operands } = parsed;
  const call = await reload();
  if (call.globals.quiet) environment.output.silence();
  return await command.run(
    { ...call, operands, reload, configPaths: configPaths(search) },
    environment,
  );
}

function unknownCommand(name: string): UsageError {
  if (name.startsWith("-")) {
    return new UsageError(`Unknown option ${name} before a command; see shimmy --help`);
  }
  const similar = similarName([...Object.keys(COMMANDS), "help"], name);
  const hint = similar === undefined
    ? "shimmy --help lists the commands"
    : `did you mean '${similar}'?`;
  return new UsageError(`Unknown command '${name}'; ${hint}`);
}
