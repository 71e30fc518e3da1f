import { delay } from "@std/async/delay";
import { type Machine, Server } from "../cli/machine.ts";
import { isRunning, observe, type ProcessFacts } from "./measure/processes.ts";

/** Seconds that a stopped server and the processes of its models may take to end. */
const END_S = 45;

/** A server under observation: its processes are known, and an end that nobody asked for is a problem. */
export class SoakServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #problem: (what: string) => void;
  readonly #name: string;
  readonly #seen = new Map<string, ProcessFacts>();
  #isExpectedToEnd = false;
  readonly #ended: Promise<{ readonly code: number; readonly stderr: string }>;

  private constructor(name: string, server: Server, problem: (what: string) => void) {
    this.#name = name;
    this.#server = server;
    this.#problem = problem;
    this.#ended = server.ended().then((end) => {
      if (!this.#isExpectedToEnd) {
        problem(`${name} ended with status ${end.code}: ${end.stderr.slice(-2000)}`);
      }
      return end;
    });
  }

  /** @param problem Receives what must not happen. */
  static async start(
    name: string,
    machine: Machine,
    { args = [], env = {}, problem }: {
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly problem: (what: string) => void;
    },
  ): Promise<SoakServer> {
    const server = await Server.start(machine, ["--port", "0", ...args], { ...env });
    return new SoakServer(name, server, problem);
  }

  /** Such as `http://127.0.0.1:40123`. */
  get base(): string {
    return this.#server.url("");
  }

  get port(): number {
    return Number(this.#server.address.split(":").at(-1));
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** The facts of the server and its children now; null if it has ended. */
  async observe() {
    const facts = await observe(this.pid);
    for (const child of facts?.children ?? []) {
      this.#seen.set(`${child.pid} ${child.started}`, child);
    }
    return facts;
  }

  /** The process of the only model, which is loaded. @throws {Error} if there is none within a minute. */
  async modelProcess(): Promise<ProcessFacts> {
    for (let tries = 0; tries < 600; tries++) {
      const [child] = (await this.observe())?.children ?? [];
      if (child !== undefined && await this.#isReady()) return child;
      await delay(100);
    }
    throw new Error(`${this.#name} has no loaded model after a minute`);
  }

  async #isReady(): Promise<boolean> {
    const { models } = await (await fetch(`${this.base}/api/models`)).json();
    return models.some(({ state }: { state: string }) => state === "loaded");
  }

  /** Resolves when another process than this one has the model. @throws {Error} after a minute. */
  async replaced(former: ProcessFacts): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const children = (await this.observe())?.children ?? [];
      const isLeft = children.some(({ pid, started }) =>
        pid === former.pid && started === former.started
      );
      if (!isLeft && children.length > 0) return;
      await delay(100);
    }
    throw new Error(`${this.#name} did not replace the process ${former.pid}`);
  }

  /** Waits until no request runs or waits. @returns false if that takes longer than `seconds`. */
  async comesToRest(seconds: number): Promise<boolean> {
    const deadline = performance.now() + seconds * 1000;
    while (performance.now() < deadline) {
      const { models } = await (await fetch(`${this.base}/diag`)).json() as Diagnosis;
      if (models.every(isIdle)) return true;
      await delay(200);
    }
    return false;
  }

  kill(signal: Deno.Signal): void {
    this.#isExpectedToEnd = true;
    this.#server.kill(signal);
  }

  /** Stops the server and checks that none of its processes is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.observe();
    if (!this.#isExpectedToEnd) {
      this.kill("SIGTERM");
      const timer = setTimeout(() => {
        this.#problem(`${this.#name} did not stop within ${END_S} s of SIGTERM`);
        this.#server.kill("SIGKILL");
      }, END_S * 1000);
      const { code, stderr } = await this.#ended;
      clearTimeout(timer);
      if (code !== 0) {
        this.#problem(`${this.#name} stopped with status ${code}: ${stderr.slice(-2000)}`);
      }
    }
    await this.#ended;
    for (const child of this.#seen.values()) await this.#checkEnded(child);
  }

  async #checkEnded(child: ProcessFacts): Promise<void> {
    const deadline = performance.now() + END_S * 1000;
    while (await isRunning(child)) {
      if (performance.now() > deadline) {
        this.#problem(`${this.#name} left the process ${child.pid} behind`);
        return;
      }
      await delay(200);
    }
  }
}

interface Diagnosis {
  readonly models: readonly ModelDiagnosis[];
}

interface ModelDiagnosis {
  /** Requests that hold the model. */
  readonly requests?: number;
  readonly queue?: { readonly running: number; readonly waiting: number };
  readonly sequences?: { readonly running: number; readonly queued: number };
  readonly embedding?: { readonly queued: number } | null;
}

function isIdle({ requests = 0, queue, sequences, embedding }: ModelDiagnosis): boolean {
  const { running = 0, waiting = 0 } = queue ?? {};
  const { running: computing = 0, queued = 0 } = sequences ?? {};
  return requests + running + waiting + computing + queued + (embedding?.queued ?? 0) === 0;
}
