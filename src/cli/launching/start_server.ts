import { ShimmyError } from "../../errors.ts";
import type { Call, Command, Environment } from "../environment/mod.ts";
import {
  GLOBAL_OPTIONS,
  isLoopback,
  type OptionSet,
  parseOptions,
  SERVE_OPTIONS,
} from "../options/mod.ts";
import { startTemporaryServer, type TemporaryServer } from "./temporary_server.ts";

/** Options of `launch` that its server has too. */
interface ServerValues {
  readonly host: string | null;
  readonly "api-key": string | null;
  readonly parallel: number;
}

type LaunchCall = Pick<Call<OptionSet>, "config" | "configPaths" | "globals" | "reload"> & {
  readonly values: ServerValues;
};

/**
 * Starts a server in this process: at the address that was asked for, else at a free port, so that a
 * second `launch` does not use a server that ends with the first one.
 *
 * @param asked the address at which no server answers.
 * @param serve the command that runs a server.
 * @throws {ShimmyError} `backend` when a server cannot be started at the address.
 */
export async function startServer(
  call: LaunchCall,
  environment: Environment,
  asked: URL,
  serve: Command,
): Promise<TemporaryServer> {
  const { host, "api-key": apiKey, parallel } = call.values;
  const isHere = isLoopback(asked.hostname.replace(/^\[|\]$/g, "")) && asked.protocol === "http:";
  if (host !== null && !isHere) {
    throw new ShimmyError(
      "backend",
      `No server answers at ${asked.origin}, and launch starts servers on this machine only`,
    );
  }
  const bind = host === null ? "127.0.0.1:0" : `${asked.hostname}:${asked.port || 80}`;
  const options = { ...GLOBAL_OPTIONS, ...SERVE_OPTIONS };
  const parse = ({ config, globals }: Pick<LaunchCall, "config" | "globals">) => {
    const file = config === null ? undefined : { label: config.path, options: config.options };
    const { values } = parseOptions([], options, environment.env, file);
    const fixed = { bind, port: null, ollama: null, "api-key": apiKey, parallel };
    return { values: { ...values, ...fixed }, globals, config };
  };
  return await startTemporaryServer(environment, (inner) =>
    serve.run({
      ...parse(call),
      operands: [],
      configPaths: call.configPaths,
      reload: async () => parse(await call.reload()),
    }, inner));
}
