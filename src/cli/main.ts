import { basename } from "@std/path";
import { ShimmyError } from "../errors.ts";
import { nearestName } from "../models/entry/mod.ts";
import { type Config, configPaths, findConfig } from "./config/mod.ts";
import {
  checkOperands,
  type Command,
  type Environment,
  EXIT,
  OutputClosed,
} from "./environment/mod.ts";
import { commandHelp, explain, overview } from "./output/mod.ts";
import { checkPlacement, GLOBAL_OPTIONS, parseOptions, UsageError } from "./options/mod.ts";

/** An entry of the command table. The command's module is loaded when the command is used. */
interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve: {
    summary: "run the server",
    load: () => import("./commands/serve.ts"),
  },
  generate: {
    summary: "answer one prompt",
    load: () => import("./commands/generate.ts"),
  },
  chat: {
    summary: "chat with a model in the terminal",
    load: () => import("./commands/chat.ts"),
  },
  run: {
    summary: "answer a prompt, or chat without one",
    load: () => import("./commands/run.ts"),
  },
  list: {
    summary: "list available models",
    load: () => import("./commands/list.ts"),
  },
  pull: {
    summary: "download a model",
    load: () => import("./commands/pull.ts"),
  },
  rm: {
    summary: "remove a model",
    load: () => import("./commands/rm.ts"),
  },
  cp: {
    summary: "give a model another name",
    load: () => import("./commands/cp.ts"),
  },
  ps: {
    summary: "list the models that a running server has loaded",
    load: () => import("./commands/ps.ts"),
  },
  stop: {
    summary: "unload a model of a running server",
    load: () => import("./commands/stop.ts"),
  },
  discover: {
    summary: "search all model directories and report what was found",
    load: () => import("./commands/discover.ts"),
  },
  show: {
    summary: "show the metadata of a model",
    load: () => import("./commands/show.ts"),
  },
  probe: {
    summary: "load a model, run one token and report memory and timings",
    load: () => import("./commands/probe.ts"),
  },
  plan: {
    summary: "estimate memory and placement of a model without loading it",
    load: () => import("./commands/plan.ts"),
  },
  bench: {
    summary: "measure prefill and decode speed of a model",
    load: () => import("./commands/bench.ts"),
  },
  "gpu-info": {
    summary: "list compute backends and devices, and the one that is used",
    load: () => import("./commands/gpu_info.ts"),
  },
  runtime: {
    summary: "list, install and remove variants of libllama",
    load: () => import("./commands/runtime.ts"),
  },
  version: {
    summary: "print the versions of Shimmy and libllama",
    load: () => import("./commands/version.ts"),
  },
};

/** Commands that Shimmy runs in child processes. The help does not list them. */
const DEVICES_COMMAND = "__devices";
const ENGINE_COMMAND = "__engine";
const PLAN_COMMAND = "__plan";

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
  if (name === DEVICES_COMMAND) {
    const { devicesMain } = await import("../runtime/devices/probe.ts");
    await devicesMain(rest[0] ?? "");
    return EXIT.ok;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw unknownCommand(name);
  const { default: command } = await entry.load();
  const isHelpAll = rest.includes("--help-all");
  if (isHelpAll || rest.includes("--help") || rest.includes("-h")) {
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
  checkOperands(name, command.operands, parsed.positionals, parsed.values);
  const parseWith = (config: Config | null) => {
    const file = config && { label: basename(config.path), options: config.options };
    const { values } = file === null ? parsed : parseOptions(args, options, env, file);
    checkPlacement(values);
    return { values, globals: values, config };
  };
  const places = { named: parsed.values.config, env, cwd: Deno.cwd(), os: Deno.build.os };
  const reload = async () => parseWith(await findConfig(places));
  const { positionals: operands } = parsed;
  const call = await reload();
  if (call.globals.quiet) environment.output.silence();
  return await command.run(
    { ...call, operands, reload, configPaths: configPaths(places) },
    environment,
  );
}

function unknownCommand(name: string): UsageError {
  if (name.startsWith("-")) {
    return new UsageError(`Unknown option ${name} before a command; see shimmy --help`);
  }
  return new UsageError(
    `Unknown command '${name}'; did you mean '${nearestName(Object.keys(COMMANDS), name)}'?`,
  );
}
