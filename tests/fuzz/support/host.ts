import { TextLineStream } from "@std/streams/text-line-stream";
import { fileURLToPath } from "node:url";
import type { HostResult, HostTask } from "./host_main.ts";
import { residentBytes } from "./processes.ts";
import type { Problem } from "./problem.ts";
import { within } from "./within.ts";

/** Milliseconds of a task: more than all budgets of the product together. */
const LIMIT = 40_000;
/** Milliseconds that the main thread of the process may not turn. */
const LAG_LIMIT = 3_000;
/** Tasks between two readings of the memory, and resident bytes that are too many. */
const MEMORY_TASKS = 50;
const MEMORY_LIMIT = 1.5 * 2 ** 30;

/** A process that runs parts of the product, and is started again when it ends. */
export class Host implements AsyncDisposable {
  #process: HostProcess | null = null;
  #tasks = 0;

  /** Runs a task. @returns its result, or what was wrong. */
  async run(task: HostTask): Promise<HostResult | Problem> {
    const process = this.#process ??= new HostProcess();
    const result = await process.run(task);
    if (result !== null && "kind" in result) {
      await this.#end();
      return result;
    }
    if (result === null) {
      const end = await process.end();
      this.#process = null;
      return { kind: "ended", message: `the process ended: ${end}` };
    }
    if (result.lag > LAG_LIMIT) {
      return { kind: "silent", message: `the main thread did not turn for over ${LAG_LIMIT} ms` };
    }
    if (++this.#tasks % MEMORY_TASKS === 0 && await residentBytes(process.pid) > MEMORY_LIMIT) {
      await this.#end();
      return { kind: "memory", message: `over ${MEMORY_LIMIT / 2 ** 20} MiB are resident` };
    }
    return result;
  }

  async #end(): Promise<void> {
    await this.#process?.end();
    this.#process = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

class HostProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;

  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", CONFIG, "--allow-read", "--allow-env", "--allow-sys", MODULE],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
      .getReader();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The result; null if the process has ended. */
  async run(task: HostTask): Promise<HostResult | Problem | null> {
    const line = new TextEncoder().encode(`${JSON.stringify(task)}\n`);
    await this.#input.write(new Uint8Array(line)).catch(() => {});
    const read = this.#lines.read().then(({ value }) =>
      value === undefined ? null : JSON.parse(value) as HostResult
    );
    const message = `${task.type}: no result within ${LIMIT} ms`;
    return await within<HostResult | null, Problem>(read, LIMIT, { kind: "hang", message });
  }

  /** @returns the last lines of its output. */
  async end(): Promise<string> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#input.close().catch(() => {});
    await this.#lines.cancel().catch(() => {});
    const { code } = await this.#child.status;
    const stderr = await this.#stderr;
    return `status ${code}: ${stderr.trim().split("\n").slice(-4).join(" | ").slice(-400)}`;
  }
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const CONFIG = `--config=${path("../../../deno.test.json")}`;
const MODULE = path("./host_main.ts");
