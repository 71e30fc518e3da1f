/** What the replicas of the demonstration share, beside the proxy in front of them. */
import { fileURLToPath } from "node:url";
import { has } from "../../packaging/tools.ts";
import { rpcFolder, RpcMachine } from "../../rpc/setup.ts";
import { redis, StoreServer, valkey } from "../store_server.ts";

/** A running part. Disposal stops it. */
export interface RunningPart extends AsyncDisposable {
  /** Arguments that make a replica use it. */
  readonly args: readonly string[];
  /** Variables that a replica needs for it. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it is and where, for the user. */
  readonly line: string;
}

/** A part of the demonstration. */
export interface Part {
  /** Programs of which one is needed, and the package that has it. */
  readonly needs: { readonly program: string; readonly here: boolean; readonly from: string };
  start(): Promise<RunningPart>;
}

const program = valkey.here ? valkey : redis;

const store: Part = {
  needs: {
    program: program.here ? program.name : `${valkey.name} or ${redis.name}`,
    here: program.here,
    from:
      "the package valkey-server or redis-server of Debian and Ubuntu, valkey or redis of Homebrew",
  },
  async start() {
    const server = new StoreServer(program);
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return {
      args: ["--store", server.url],
      line: `shared store: ${program.name}, ${server.url}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

async function hasAll(...programs: readonly string[]): Promise<boolean> {
  return (await Promise.all(programs.map((name) => has(name, "--version")))).every((is) => is);
}

/** Builds ggml's RPC backend, which the published libraries lack. */
async function buildBackend(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "build:rpc"],
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("ggml's RPC backend cannot be built: see above");
}

const workers: Part = {
  needs: {
    program: "what builds ggml's RPC backend",
    here: rpcFolder() !== null || await hasAll("git", "npm", "cmake", "c++"),
    from: "the packages git, npm, cmake and g++ of Debian and Ubuntu",
  },
  async start() {
    if (rpcFolder() === null) await buildBackend();
    const running = await RpcMachine.start();
    try {
      const { rpc } = await running.workers(2);
      return {
        args: ["--rpc", rpc],
        env: running.env,
        line: `RPC workers: ${rpc}`,
        [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
      };
    } catch (error) {
      await running[Symbol.asyncDispose]();
      throw error;
    }
  },
};

/** All parts, in the order in which they start. */
export const PARTS: readonly Part[] = [store, workers];
