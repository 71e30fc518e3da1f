import { basename } from "@std/path";
import { LLAMA_VERSION } from "../../ffi/library/version.ts";
import { ShimmyError } from "../errors.ts";
import { nearestName } from "../models/entry/mod.ts";
import { VERSION } from "../version.ts";
import { type Config, configPaths, findConfig } from "./config/mod.ts";
import { checkOperands, type Command, EXIT, OutputClosed, type World } from "./environment/mod.ts";
import { commandHelp, explain, overview } from "./output/mod.ts";
import { checkPlacement, GLOBAL_OPTIONS, parseOptions, UsageError } from "./options/mod.ts";

/** A command by name: what the overview says of it, and its module, which is loaded when it is used. */
interface Listed {
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
}

export const COMMANDS: Readonly<Record<string, Listed>> = {
  serve: {
    summary: "run the server",
    load: () => import("./commands/serve.ts"),
  },
  generate: {
    summary: "answer one prompt",
    load: () => import("./commands/generate.ts"),
  },
  chat: {
    summary: "a conversation in the terminal",
    load: () => import("./commands/chat.ts"),
  },
  list: {
    summary: "the models that can be had",
    load: () => import("./commands/list.ts"),
  },
  pull: {
    summary: "download a model",
    load: () => import("./commands/pull.ts"),
  },
  rm: {
    summary: "remove a model that was pulled",
    load: () => import("./commands/rm.ts"),
  },
  discover: {
    summary: "look for models and tell what was found where",
    load: () => import("./commands/discover.ts"),
  },
  show: {
    summary: "what a model's file says of itself",
    load: () => import("./commands/show.ts"),
  },
  probe: {
    summary: "load a model once and report",
    load: () => import("./commands/probe.ts"),
  },
  plan: {
    summary: "whether and how a model would fit, without loading it",
    load: () => import("./commands/plan.ts"),
  },
  bench: {
    summary: "measure how fast a model runs here",
    load: () => import("./commands/bench.ts"),
  },
  "gpu-info": {
    summary: "backends, devices and which one would be chosen",
    load: () => import("./commands/gpu_info.ts"),
  },
  runtime: {
    summary: "list, fetch and remove variants of libllama",
    load: () => import("./commands/runtime.ts"),
  },
};

/** What this program starts itself in child processes; nothing for people. */
const DEVICES_COMMAND = "__devices";
const ENGINE_COMMAND = "__engine";
const PLAN_COMMAND = "__plan";

/** Runs a command line; resolves to its exit status and never throws. */
export async function main(args: readonly string[], world: World): Promise<number> {
  const verbose = args.includes("--verbose");
  try {
    return await dispatch(args, world);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.ok;
    world.output.progress(null);
    if (error instanceof ShimmyError && error.kind === "cancelled") return EXIT.interrupted;
    world.output.note(`shimmy: ${explain(error, verbose)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failure;
  }
}

async function dispatch([name, ...rest]: readonly string[], world: World): Promise<number> {
  const { output, env } = world;
  const summaries = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  if (name === undefined) {
    output.note(overview(summaries));
    return EXIT.usage;
  }
  if (["--help", "-h", "help"].includes(name)) {
    await output.print(overview(summaries));
    return EXIT.ok;
  }
  if (name === "--version" || name === "-V") {
    await output.print(`shimmy ${VERSION}\nlibllama ${LLAMA_VERSION}`);
    return EXIT.ok;
  }
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
  const listed = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (listed === undefined) throw unknownCommand(name);
  const { default: command } = await listed.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    await output.print(commandHelp(name, listed.summary, command));
    return EXIT.ok;
  }
  const options = { ...GLOBAL_OPTIONS, ...command.options };
  const plain = parseOptions(rest, options, env);
  checkOperands(name, command.operands, plain.positionals);
  const called = (config: Config | null) => {
    const file = config && { label: basename(config.path), options: config.options };
    const { values } = file === null ? plain : parseOptions(rest, options, env, file);
    checkPlacement(values);
    return { values, globals: values, config };
  };
  const places = { named: plain.values.config, env, cwd: Deno.cwd(), os: Deno.build.os };
  const again = async () => called(await findConfig(places));
  const { positionals: operands } = plain;
  return await command.run(
    { ...await again(), operands, again, configPaths: configPaths(places) },
    world,
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
