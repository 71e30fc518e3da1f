import { delay } from "@std/async/delay";
import { join } from "node:path";
import { Machine, Server } from "../../cli/machine.ts";
import { descendantsOf, isRunning, residentBytes } from "./processes.ts";
import type { Problem } from "./problem.ts";
import { within } from "./within.ts";

/** Milliseconds between two requests to `/health`, and until one counts as not answered. */
const HEALTH_PAUSE = 250;
const HEALTH_LIMIT = 5_000;
/** Milliseconds between the end of a process's connections and the knowledge of its end. */
const END_PAUSE = 1_000;
/** Cases between two readings of the server's memory. */
const MEMORY_CASES = 200;
/** Resident bytes of the server's process that are returned at the latest after the pause. */
const MEMORY_LIMIT = 800 * 2 ** 20;
/** Threads that grew end, and memory is returned, within this time. */
const MEMORY_PAUSE = 12_000;
/** Milliseconds that processes of models have to end. */
const CHILD_LIMIT = 12_000;

/** A `serve` process that is watched while it gets hostile input, and started again when it ends. */
export class WatchedServer implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #args: readonly string[];
  #server!: Server;
  #ended: { code: number; stderr: string } | null = null;
  #silent: Problem | null = null;
  #isWatching = true;
  #watching!: Promise<void>;
  #cases = 0;

  private constructor(machine: Machine, args: readonly string[]) {
    this.#machine = machine;
    this.#args = args;
  }

  /** @param args more arguments of `serve`. */
  static async start(args: (machine: Machine) => readonly string[] = () => []) {
    const machine = await Machine.start();
    const server = new WatchedServer(machine, args(machine));
    await server.#start();
    server.#watching = server.#watch();
    return server;
  }

  get home(): string {
    return this.#machine.home;
  }

  get pid(): number {
    return this.#server.pid;
  }

  get address(): string {
    return this.#server.address;
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  url(path: string): string {
    return this.#server.url(path);
  }

  async #start(): Promise<void> {
    this.#ended = null;
    const env = { SHIMMY_CACHE_DIR: cacheFolder(this.home) };
    const server = await Server.start(this.#machine, ["--port", "0", ...this.#args], env);
    this.#server = server;
    void server.ended().then((end) => {
      if (this.#server === server) this.#ended = end;
    });
  }

  async #watch(): Promise<void> {
    while (this.#isWatching) {
      const server = this.#server;
      const signal = AbortSignal.timeout(HEALTH_LIMIT);
      try {
        const response = await fetch(server.url("/health"), { signal });
        await response.body?.cancel();
      } catch {
        // A connection that ends early is that of a server that ended, which is another problem.
        if (signal.aborted && this.#server === server) {
          this.#silent = { kind: "silent", message: `/health took more than ${HEALTH_LIMIT} ms` };
        }
      }
      await delay(HEALTH_PAUSE);
    }
  }

  /**
   * What went wrong since the last call. Starts the server again if it has ended.
   *
   * @param isCut A connection ended early: the end of the process is known a little later.
   */
  async check(isCut = false): Promise<Problem | null> {
    if (isCut) await within(this.#server.ended(), END_PAUSE, null);
    if (this.#ended !== null) {
      const { code, stderr } = this.#ended;
      await this.#start();
      return { kind: "ended", message: `serve ended with status ${code}: ${lastLines(stderr)}` };
    }
    const silent = this.#silent;
    this.#silent = null;
    if (silent !== null) return silent;
    return ++this.#cases % MEMORY_CASES === 0 ? await this.checkMemory() : null;
  }

  /** Whether the server's own process has returned its memory. */
  async checkMemory(): Promise<Problem | null> {
    const { pid } = this.#server;
    if (await residentBytes(pid) < MEMORY_LIMIT) return null;
    await delay(MEMORY_PAUSE);
    const bytes = await residentBytes(pid);
    if (bytes < MEMORY_LIMIT) return null;
    return { kind: "memory", message: `${Math.round(bytes / 2 ** 20)} MiB stay resident` };
  }

  /** Unloads a model and, at the end of all cases, checks what is left over. */
  async finish(models: readonly string[]): Promise<Problem | null> {
    const problem = await this.check() ?? await this.checkMemory();
    if (problem !== null) return problem;
    for (const model of models) {
      const path = `/api/models/${model}/unload`;
      const response = await fetch(this.url(path), { method: "POST" }).catch(() => null);
      await response?.body?.cancel();
    }
    const { pid } = this.#server;
    const left = await waitForNone(() => descendantsOf(pid));
    if (left.length > 0) return leftOver(left.length, "after all models were unloaded");
    return await this.#stop();
  }

  /** Stops the server as a service manager does. */
  async #stop(): Promise<Problem | null> {
    const { pid } = this.#server;
    const children = await descendantsOf(pid);
    this.#isWatching = false;
    await this.#watching;
    const server = this.#server;
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended();
    if (code !== 0) {
      return { kind: "status", message: `SIGTERM gave status ${code}: ${lastLines(stderr)}` };
    }
    const left = await waitForNone(async () => {
      const running = await Promise.all(children.map(isRunning));
      return children.filter((_, index) => running[index]);
    });
    return left.length > 0 ? leftOver(left.length, "after the server ended") : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isWatching = false;
    await this.#watching;
    await this.#server[Symbol.asyncDispose]();
    await this.#machine[Symbol.asyncDispose]();
  }
}

/** The cache folder of a server with this home. */
export function cacheFolder(home: string): string {
  return join(home, "cache");
}

function leftOver(count: number, when: string): Problem {
  return { kind: "process", message: `${count} processes are left over ${when}` };
}

async function waitForNone(find: () => Promise<number[]>): Promise<number[]> {
  const end = performance.now() + CHILD_LIMIT;
  let left = await find();
  while (left.length > 0 && performance.now() < end) {
    await delay(100);
    left = await find();
  }
  return left;
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join(" | ").slice(-600);
}
