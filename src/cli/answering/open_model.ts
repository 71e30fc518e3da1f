import { ShimmyError } from "../../errors.ts";
import type { Config } from "../config/mod.ts";
import type { Environment } from "../environment/mod.ts";
import {
  type ATTACH_OPTIONS,
  GLOBAL_OPTIONS,
  type GlobalValues,
  parseOptions,
  type Values,
} from "../options/mod.ts";
import { printable } from "../output/mod.ts";
import { findServer } from "./find_server.ts";
import { LocalHost, type LocalRequest } from "./local_host.ts";
import type { ModelHost, OpenModel } from "./model_host.ts";

/** Global options that do not decide how a model is loaded. */
const OTHER_OPTIONS: ReadonlySet<string> = new Set(["config", "quiet", "verbose"]);

/** A call of a command that answers with one model. */
export interface AnswerCall {
  readonly values: Values<typeof ATTACH_OPTIONS> & { readonly yes: boolean };
  readonly globals: GlobalValues;
  readonly config: Config | null;
  /** The requested model. `undefined`: the default model. */
  readonly asked: string | undefined;
  /** Whether the command reads stdin for something else, so that it cannot ask there. */
  readonly isStdinUsed?: boolean;
  /** Answers that may run at once in this process, in the memory of one context. @default {1} */
  readonly parallel?: number;
}

/** A host and its first model. */
export interface Opened extends AsyncDisposable {
  readonly host: ModelHost;
  readonly model: OpenModel;
}

/**
 * Opens a model: of the named server; of the server at the default address, if it answers, knows the
 * model, and no option asks for another way to load it; else in this process. Tells which server answers.
 *
 * @throws {ShimmyError} when a named server cannot be used.
 */
export async function openModel(
  environment: Environment,
  call: AnswerCall,
  signal: AbortSignal,
): Promise<Opened> {
  return await openOnServer(environment, call, signal) ??
    await opened(new LocalHost(environment, localRequest(call)), call.asked, signal);
}

function localRequest(call: AnswerCall): LocalRequest {
  return { ...call, yes: call.values.yes, sharesOneContext: call.parallel !== undefined };
}

/** Null: no server can answer. */
async function openOnServer(
  environment: Environment,
  call: AnswerCall,
  signal: AbortSignal,
): Promise<Opened | null> {
  const { output } = environment;
  const found = await findServer(call.values, environment, signal);
  if (found === null) return null;
  const { client, isNamed } = found;
  const options = loadOptionsOf(call, environment);
  if (options.length > 0) {
    const names = options.join(", ");
    if (!isNamed) {
      output.note(
        `Loading in this process for ${names}; the server at ${client.address} has its own`,
      );
      return null;
    }
    output.alert(`warning: ${names}: no effect on the running server at ${client.address}`);
  }
  const { ServerHost } = await import("./server_host.ts");
  try {
    const result = await opened(new ServerHost(client, environment), call.asked, signal);
    output.note(printable(`The server at ${client.address} answers`));
    return result;
  } catch (error) {
    const isUnknown = error instanceof ShimmyError && error.kind === "not_found";
    if (isNamed || !isUnknown) throw error;
    output.note(
      printable(`Loading in this process: the server at ${client.address} has no '${call.asked}'`),
    );
    return null;
  }
}

async function opened(
  host: ModelHost,
  name: string | undefined,
  signal: AbortSignal,
): Promise<Opened> {
  try {
    const model = await host.open(name, signal);
    return { host, model, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** Options of the command line that decide how a model is loaded. A server reads the other sources too. */
function loadOptionsOf({ globals, config }: AnswerCall, { env }: Environment): string[] {
  const file = config === null ? undefined : { label: config.path, options: config.options };
  const { values } = parseOptions([], GLOBAL_OPTIONS, env, file);
  return Object.entries(values)
    .filter(([name, value]) =>
      !OTHER_OPTIONS.has(name) &&
      JSON.stringify(value) !== JSON.stringify(globals[name as keyof GlobalValues])
    )
    .map(([name]) => `--${name}`);
}
