import { TextLineStream } from "@std/streams/text-line-stream";
import {
  type Environment,
  type Input,
  type InterruptSignal,
  type Output,
  OutputClosed,
} from "./environment/mod.ts";
import { printable, printableLines, truncated } from "./output/mod.ts";

/** Milliseconds between two updates of the progress line. More updates cannot be read. */
const PROGRESS_MS = 100;
/** Moves the cursor to the start of the line and clears the line. */
const CLEAR_LINE = "\r\x1b[2K";

/** The streams, environment variables and signals of this process. */
export function processEnvironment(): Environment {
  const environment: Environment = {
    output: new ProcessOutput(),
    input: new ProcessInput(),
    env: (name) => Deno.env.get(name),
    onInterrupt: listenForInterrupts,
    openModelSession: async (request) =>
      (await import("./sessions/model_session.ts")).openModelSession(request, environment),
  };
  return environment;
}

class ProcessOutput implements Output {
  readonly isTerminal = Deno.stdout.isTerminal();
  readonly #encoder = new TextEncoder();
  #progressShown = false;
  #progressTime = -Infinity;
  #silent = false;

  get showsProgress(): boolean {
    return !this.#silent && Deno.stderr.isTerminal();
  }

  silence(): void {
    this.progress(null);
    this.#silent = true;
  }

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
    return this.write(`${printableLines(line)}\n`);
  }

  note(line: string): void {
    if (!this.#silent) this.alert(line);
  }

  alert(line: string): void {
    this.progress(null);
    this.#writeNote(`${printableLines(line)}\n`);
  }

  progress(line: string | null): void {
    if (!this.showsProgress || (line === null && !this.#progressShown)) return;
    const now = performance.now();
    if (line !== null && now - this.#progressTime < PROGRESS_MS) return;
    this.#progressTime = line === null ? -Infinity : now;
    this.#progressShown = line !== null;
    // A line that wraps could not be cleared again.
    this.#writeNote(`${CLEAR_LINE}${truncated(printable(line ?? ""), columns())}`);
  }

  /** Notes are rare and short, so that a synchronous write blocks nothing for long. */
  #writeNote(text: string): void {
    let bytes = this.#encoder.encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
    } catch {
      // A closed stderr cannot be reported anywhere.
    }
  }
}

/** The columns that a progress line may take. */
function columns(): number {
  try {
    return Deno.consoleSize().columns - 1;
  } catch {
    return 79;
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

  async secret(question: string): Promise<string | null> {
    const { promptSecret } = await import("@std/cli/prompt-secret");
    return promptSecret(question);
  }
}

function listenForInterrupts(handler: (signal: InterruptSignal) => void): Disposable {
  // Windows has no SIGTERM.
  const signals = Deno.build.os === "windows"
    ? ["SIGINT"] as const
    : ["SIGINT", "SIGTERM"] as const;
  const listeners = signals.map((signal) => [signal, () => handler(signal)] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]: () => {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
