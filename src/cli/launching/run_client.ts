import { ShimmyError } from "../../errors.ts";
import type { Environment } from "../environment/mod.ts";
import { API_KEY, type Setup } from "./client.ts";

/** The start of a client. */
export interface ClientStart {
  /** Path of the executable. */
  readonly path: string;
  readonly setup: Setup;
  /** Arguments of the user. */
  readonly args: readonly string[];
  /** The server's API key, for the variables that hold it. */
  readonly apiKey: string | null;
}

/**
 * Runs a client on this terminal. Resolves to its exit status; 128 and the number of the signal where a
 * signal ended the client, as shells report it.
 *
 * The terminal sends SIGINT to the client too, which decides what the key means. SIGTERM is passed on.
 */
export async function runClient(
  { path, setup, args, apiKey }: ClientStart,
  environment: Pick<Environment, "onInterrupt">,
): Promise<number> {
  const env = Object.fromEntries(
    Object.entries(setup.variables).map(([name, value]) => [
      name,
      value === API_KEY ? apiKey ?? "" : value,
    ]),
  );
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(path, {
      args: [...setup.args, ...args],
      env,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ShimmyError("backend", `Cannot start ${path}: ${reason}`, { cause: error });
  }
  using _ = environment.onInterrupt((signal) => {
    if (signal === "SIGTERM") child.kill(signal);
  });
  return (await child.status).code;
}
