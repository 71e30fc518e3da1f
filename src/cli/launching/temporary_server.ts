import { ShimmyError } from "../../errors.ts";
import type { Environment, InterruptSignal, ModelSession, Output } from "../environment/mod.ts";

/** A server that ends with its client. */
export interface TemporaryServer extends AsyncDisposable {
  /** `HOST:PORT`. */
  readonly address: string;
  /** The name of the default model. */
  defaultModel(): Promise<string>;
  /**
   * Keeps the server's lines off the terminal from now on, because the client draws on it. The warnings
   * and errors are shown when the server has ended.
   */
  silence(): void;
}

/** Lines that are kept while a client runs. The first ones tell what failed. */
const KEPT_LINES = 50;

/**
 * Starts a server in this process.
 *
 * @param serve runs the server in an environment until an interrupt; resolves to its exit status.
 * @throws {ShimmyError} when the server ends before it listens.
 */
export async function startTemporaryServer(
  environment: Environment,
  serve: (environment: Environment) => Promise<number>,
): Promise<TemporaryServer> {
  const handlers = new Set<(signal: InterruptSignal) => void>();
  const listening = Promise.withResolvers<string>();
  const opened = Promise.withResolvers<ModelSession>();
  const output = new ServerOutput(environment.output, listening.resolve);
  const done = serve({
    ...environment,
    output,
    // Ctrl-C at the terminal is for the client, not for its server.
    onInterrupt(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => handlers.delete(handler) };
    },
    async openModelSession(request) {
      const session = await environment.openModelSession(request);
      opened.resolve(session);
      return session;
    },
  });
  const ended = done.then((status) => {
    throw new ShimmyError("backend", `The server ended before it listened, with status ${status}`);
  });
  ended.catch(() => {});
  return {
    address: await Promise.race([listening.promise, ended]),
    defaultModel: async () => (await (await opened.promise).selectModel()).name,
    silence: () => output.hold(),
    async [Symbol.asyncDispose]() {
      const stop = () => [...handlers].forEach((handler) => handler("SIGTERM"));
      // A second signal ends the server without waiting for its requests.
      using _ = environment.onInterrupt(stop);
      stop();
      await done.catch(() => {});
      output.release();
    },
  };
}

/** The output of a server whose standard output nobody reads. */
class ServerOutput implements Output {
  readonly isTerminal = false;
  readonly #output: Output;
  readonly #listens: (address: string) => void;
  readonly #lines: string[] = [];
  #isHeld = false;

  constructor(output: Output, listens: (address: string) => void) {
    this.#output = output;
    this.#listens = listens;
  }

  get showsProgress(): boolean {
    return !this.#isHeld && this.#output.showsProgress;
  }

  hold(): void {
    this.#output.progress(null);
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const line of this.#lines.splice(0)) this.#output.alert(line);
  }

  write(_text: string): Promise<void> {
    return Promise.resolve();
  }

  /** A server prints its address when it listens. */
  print(line: string): Promise<void> {
    this.#listens(line);
    return Promise.resolve();
  }

  note(line: string): void {
    if (!this.#isHeld) this.#output.note(line);
  }

  alert(line: string): void {
    if (!this.#isHeld) this.#output.alert(line);
    else if (this.#lines.length < KEPT_LINES) this.#lines.push(line);
  }

  progress(line: string | null): void {
    if (!this.#isHeld) this.#output.progress(line);
  }

  silence(): void {
    this.#output.silence();
  }
}
