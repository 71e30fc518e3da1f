import { TextLineStream } from "@std/streams/text-line-stream";
import { DEFAULT_HOST } from "./options/mod.ts";
import {
  type Environment,
  type Input,
  type InterruptSignal,
  type Keyboard,
  type Output,
  OutputClosed,
} from "./environment/mod.ts";
import { printableLines, ProgressLine } from "./output/mod.ts";

/** Bytes of one read of a terminal. */
const READ_BYTES = 16_384;
const LINE_FEED = 10;

/** The streams, environment variables and signals of this process. */
export function processEnvironment(): Environment {
  const output = new ProcessOutput();
  const input = new ProcessInput();
  const environment: Environment = {
    output,
    input,
    defaultServer: DEFAULT_HOST,
    keyboard: input.isTerminal && output.isTerminal && Deno.env.get("TERM") !== "dumb"
      ? new ProcessKeyboard(input)
      : null,
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
  readonly #progress = new ProgressLine((text) => this.#writeNote(text), () => columns() - 1);
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
    if (this.showsProgress) this.#progress.show(line);
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

/** Columns of a terminal that does not tell its size. */
const DEFAULT_COLUMNS = 80;

/** Columns of the terminal. Some terminals of programs tell 0. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

class ProcessInput implements Input {
  readonly isTerminal = Deno.stdin.isTerminal();
  #lines: ReadableStreamDefaultReader<string> | null = null;
  /** Bytes that were read and not used. */
  #rest: Uint8Array = new Uint8Array();

  async text(): Promise<string> {
    return await new Response(Deno.stdin.readable).text();
  }

  async line(): Promise<string | null> {
    if (this.isTerminal) return await this.#terminalLine();
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

  /** The next bytes of stdin; `null` at the end. */
  async bytes(): Promise<Uint8Array | null> {
    const rest = this.#rest;
    this.#rest = new Uint8Array();
    if (rest.length > 0) return rest;
    const buffer = new Uint8Array(READ_BYTES);
    const count = await Deno.stdin.read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  }

  /** A line of a terminal. A stream would read ahead, and the keyboard would miss the next keys. */
  async #terminalLine(): Promise<string | null> {
    let line = new Uint8Array();
    for (;;) {
      const bytes = await this.bytes();
      if (bytes === null) return line.length === 0 ? null : decodeLine(line);
      const end = bytes.indexOf(LINE_FEED);
      const taken = bytes.subarray(0, end === -1 ? bytes.length : end);
      line = new Uint8Array([...line, ...taken]);
      if (end === -1) continue;
      this.#rest = bytes.slice(end + 1);
      return decodeLine(line);
    }
  }
}

function decodeLine(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\r$/, "");
}

class ProcessKeyboard implements Keyboard {
  readonly #input: ProcessInput;

  constructor(input: ProcessInput) {
    this.#input = input;
  }

  get columns(): number {
    return columns();
  }

  read(): Promise<Uint8Array | null> {
    return this.#input.bytes();
  }

  setRaw(isRaw: boolean): void {
    Deno.stdin.setRaw(isRaw);
  }

  onResize(handler: () => void): Disposable {
    // Windows has no such signal.
    if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
    Deno.addSignalListener("SIGWINCH", handler);
    return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", handler) };
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
