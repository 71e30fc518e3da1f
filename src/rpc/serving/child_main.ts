import { messageOf } from "../../errors.ts";
import { isProgram } from "../../own_command.ts";

/** The hidden command that runs {@linkcode rpcServerChild}. */
export const RPC_SERVER_COMMAND = "__rpc";
/** Module that runs {@linkcode rpcServerChild} when started as a program. */
export const RPC_SERVER_MODULE = import.meta.url;

/** What the process of an RPC server is told, as JSON in its argument. */
export interface RpcServerTask {
  /** Folder of libllama and its ggml backends. */
  readonly libraryFolder: string;
  /** `IPv4:PORT` to listen on. */
  readonly address: string;
  /** Names of devices. Empty: all GPUs, or else the CPU. */
  readonly devices: readonly string[];
  readonly threads: number;
  readonly cacheFolder: string | null;
}

/**
 * A process that serves devices to one RPC client after the other. It ends when stdin ends, so that it does not
 * outlive its parent, also if its parent was killed.
 */
export async function rpcServerChild(argument: string): Promise<never> {
  const task = JSON.parse(argument) as RpcServerTask;
  // Signals reach the whole process group; the parent decides when the child ends.
  Deno.addSignalListener("SIGINT", () => {});
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => {});
  void endWithParent();
  try {
    const { listDevices, loadBackends, openLibrary, startRpcServer } = await import(
      "../../../ffi/mod.ts"
    );
    const library = openLibrary(task.libraryFolder);
    loadBackends(library);
    const devices = chooseDevices(listDevices(library), task.devices);
    await startRpcServer(library, { ...task, devices });
  } catch (error) {
    // The parent tells the last line.
    Deno.stderr.writeSync(new TextEncoder().encode(`${messageOf(error)}\n`));
  }
  Deno.exit(1);
}

/** @throws {Error} with the devices that there are. */
function chooseDevices(
  found: readonly { readonly name: string; readonly kind: string }[],
  asked: readonly string[],
): readonly string[] {
  const unknown = asked.find((name) => !found.some((device) => device.name === name));
  if (unknown !== undefined) {
    const known = found.map(({ name }) => name).join(", ");
    throw new Error(`--device: '${unknown}' not found; available: ${known}`);
  }
  if (asked.length > 0) return asked;
  const gpus = found.filter(({ kind }) => kind === "gpu" || kind === "igpu");
  const chosen = gpus.length > 0 ? gpus : found.filter(({ kind }) => kind === "cpu");
  return chosen.map(({ name }) => name);
}

async function endWithParent(): Promise<never> {
  for await (const _ of Deno.stdin.readable) {
    // The parent writes nothing.
  }
  Deno.exit(0);
}

if (isProgram(import.meta)) void rpcServerChild(Deno.args[1] ?? "");
