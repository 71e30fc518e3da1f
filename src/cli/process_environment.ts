import { TextLineStream } from "@std/streams/text-line-stream";
import { type Input, type Output, OutputClosed, type World } from "./environment/mod.ts";

/** Milliseconds between two states of a progress line: more often nobody can read it. */
const PROGRESS_MS = 100;
/** Back to the line's beginning, and empty it. */
const CLEAR_LINE = "\r\x1b[2K";

/** The streams, the environment and the signals of this process. */
export function processWorld(): World {
  const world: World = {
    output: new ProcessOutput(),
    input: new ProcessInput(),
    env: (name) => Deno.env.get(name),
    onStop: listenForStops,
    openSession: async (request) =>
      (await import("./sessions/session.ts")).openSession(request, world),
  };
  return world;
}

class ProcessOutput implements Output {
  readonly isTerminal = Deno.stdout.isTerminal();
  readonly showsProgress = Deno.stderr.isTerminal();
  readonly #encoder = new TextEncoder();
  #progressShown = false;
  #progressTime = -Infinity;

  async write(text: string): Promise<void> {
    this.progress(null);
    let bytes = this.#encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
      throw error;
    }
  }

  print(line: string): Promise<void> {
    return this.write(`${line}\n`);
  }

  note(line: string): void {
    this.progress(null);
    this.#writeNote(`${line}\n`);
  }

  progress(line: string | null): void {
    if (!this.showsProgress || (line === null && !this.#progressShown)) return;
    const now = performance.now();
    if (line !== null && now - this.#progressTime < PROGRESS_MS) return;
    this.#progressTime = line === null ? -Infinity : now;
    this.#progressShown = line !== null;
    this.#writeNote(`${CLEAR_LINE}${line ?? ""}`);
  }

  /** Notes are rare and short, so they need not wait for their turn. */
  #writeNote(text: string): void {
    let bytes = this.#encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
    } catch {
      // Nobody is left who could be told that stderr is closed.
    }
  }
}

class ProcessInput implements Input {
  readonly isTerminal = Deno.stdin.isTerminal();
  #lines: ReadableStreamDefaultReader<string> | null = null;

  async text(): Promise<string> {
    return await new Response(Deno.stdin.readable).text();
  }

  async line(): Promise<string | null> {
    this.#lines ??= Deno.stdin.readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
      .getReader();
    const { value } = await this.#lines.read();
    return value ?? null;
  }
}

function listenForStops(handler: () => void): Disposable {
  // Windows has no SIGTERM to listen for.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, handler);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, handler);
    },
  };
}
