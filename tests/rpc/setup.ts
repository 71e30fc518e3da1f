/** Workers on loopback, and the command line that uses them. They need ggml's RPC backend. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { locateBackend } from "../../ffi/library/locate.ts";
import { Machine } from "../cli/machine.ts";

export const TINY_F16 = fileURLToPath(new URL("../models/shimmy-tiny-f16.gguf", import.meta.url));
/** Layers of the tiny model, the output being one. */
export const TINY_LAYERS = 5;

/**
 * The folder of libraries with the RPC backend: `SHIMMY_RPC_LIBRARIES`, or that of `deno task build:rpc`. Null if
 * neither is there; a test that is skipped tells so.
 *
 * @throws {Error} if the folder of `SHIMMY_RPC_LIBRARIES` has no such backend.
 */
export function rpcFolder(): string | null {
  const given = Deno.env.get("SHIMMY_RPC_LIBRARIES");
  const folder = given || fileURLToPath(new URL("../../dist/rpc", import.meta.url));
  if (hasBackend(folder)) return folder;
  if (given) throw new Error(`SHIMMY_RPC_LIBRARIES: the folder has no RPC backend: ${given}`);
  return null;
}

function hasBackend(folder: string): boolean {
  try {
    return locateBackend(folder, "rpc", Deno.build.os) !== null;
  } catch {
    // There is no such folder.
    return false;
  }
}

const FOLDER = rpcFolder();

const INSTALL = "run `deno task build:rpc`, or set SHIMMY_RPC_LIBRARIES";

/** Registers a test that needs the RPC backend. */
export function rpcTest(name: string, fn: (machine: RpcMachine) => Promise<void>): void {
  Deno.test({
    name: FOLDER === null ? `${name} (skipped: ${INSTALL})` : name,
    ignore: FOLDER === null,
    fn: async () => {
      await using machine = await RpcMachine.start();
      await fn(machine);
    },
  });
}

/** A machine whose command line has the RPC backend, and workers on it; `plain` is the machine without it. */
export class RpcMachine implements AsyncDisposable {
  readonly #workers = new Set<Worker>();

  private constructor(readonly plain: Machine) {}

  static async start(): Promise<RpcMachine> {
    return new RpcMachine(await Machine.start());
  }

  /** The variables that the command line needs. */
  get env(): Record<string, string> {
    return { SHIMMY_LIBLLAMA: rpcFolder()! };
  }

  run(args: string[]) {
    return this.plain.run(args, { env: this.env });
  }

  /** Runs a command that must succeed and print JSON. */
  // deno-lint-ignore no-explicit-any
  async json(args: string[]): Promise<any> {
    const { code, stdout, stderr } = await this.run([...args, "--json"]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  }

  /** Starts a worker on a port that the system chooses, or on the given one. */
  async worker(args: string[] = [], port = 0): Promise<Worker> {
    const command = ["rpc-serve", "--bind", `127.0.0.1:${port}`, ...args];
    const worker = await Worker.start(this.plain.command(command, this.env));
    this.#workers.add(worker);
    return worker;
  }

  /** Starts several workers. @returns them, and the value of `--rpc`. */
  async workers(count: number): Promise<{ readonly all: readonly Worker[]; readonly rpc: string }> {
    const all = await Promise.all(Array.from({ length: count }, () => this.worker()));
    return { all, rpc: all.map(({ address }) => address).join() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.end("SIGKILL")));
    await this.plain[Symbol.asyncDispose]();
  }
}

/** A running worker. */
export class Worker {
  readonly #child: Deno.ChildProcess;
  readonly #outputs: Promise<readonly [string, string]>;

  private constructor(
    child: Deno.ChildProcess,
    readonly address: string,
    outputs: Promise<readonly [string, string]>,
  ) {
    this.#child = child;
    this.#outputs = outputs;
  }

  static async start(command: Deno.Command): Promise<Worker> {
    const child = command.spawn();
    const errors = new Response(child.stderr).text();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) {
        await child.status;
        throw new Error(`rpc-serve ended: ${await errors}`);
      }
      text += value;
    }
    const rest = (async () => {
      let more = "";
      for (let chunk; !(chunk = await reader.read()).done;) more += chunk.value;
      return more;
    })();
    return new Worker(child, text.trim(), Promise.all([rest, errors]));
  }

  get pid(): number {
    return this.#child.pid;
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  /** Ends the worker. @returns its exit status and what it wrote to stderr. */
  async end(signal: Deno.Signal): Promise<{ readonly code: number; readonly stderr: string }> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
    const [{ code }, [, stderr]] = await Promise.all([this.#child.status, this.#outputs]);
    return { code, stderr };
  }
}
