import { delay } from "@std/async/delay";
import { TextLineStream } from "@std/streams/text-line-stream";
import { ShimmyError } from "../../errors.ts";
import { ownCommand } from "../../own_command.ts";
import { RPC_SERVER_COMMAND, RPC_SERVER_MODULE, type RpcServerTask } from "./child_main.ts";

/** Milliseconds for the start: libraries are read, and devices are opened. */
const START_MS = 60_000;
/** Milliseconds between two attempts to connect. */
const RETRY_MS = 20;
/** Milliseconds until a connection that was not accepted is tried again. */
const ACCEPT_MS = 1_000;
/** Ports that are tried, should another program take them first. */
const PORTS = 5;
/** Characters of stderr that are kept for an error. */
const OUTPUT = 2000;

/** What ggml writes to stdout for each connection, and to stderr if it cannot listen (`ggml-rpc.cpp`). */
const ACCEPTED = "Accepted client connection";
const CANNOT_LISTEN = "Failed to create server socket";

/** What the processes of all connections have in common. */
export type ServerOptions = Omit<RpcServerTask, "address">;

/** The process of an RPC server, which serves one connection after the other. */
export class ServerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #address: Deno.ConnectOptions;
  #hasEnded = false;
  #hasAccepted = false;
  #output = "";
  readonly #ended: Promise<void>;

  private constructor(options: ServerOptions, port: number) {
    this.#address = { hostname: "127.0.0.1", port };
    const task: RpcServerTask = { ...options, address: `${this.#address.hostname}:${port}` };
    const [program, ...args] = ownCommand(RPC_SERVER_COMMAND, RPC_SERVER_MODULE, {
      args: [JSON.stringify(task)],
    });
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#ended = this.#watch();
  }

  /**
   * Starts a process that listens on a free port of this machine, and waits until it accepts connections. Where
   * another program takes the port before the process does, another port is tried.
   *
   * @param choosePort selects a port that nothing listens on now
   * @throws {ShimmyError} `backend` with the reason.
   */
  static async start(options: ServerOptions, choosePort = freePort): Promise<ServerProcess> {
    for (let attempt = 1;; attempt++) {
      const started = new ServerProcess(options, choosePort());
      try {
        await started.#untilAccepting();
        return started;
      } catch (error) {
        await started.end();
        if (attempt === PORTS || !started.#output.includes(CANNOT_LISTEN)) throw error;
      }
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Connects to the server. It answers when an earlier connection has ended. */
  async connect(): Promise<Deno.TcpConn> {
    const connection = await Deno.connect(this.#address) as Deno.TcpConn;
    connection.setNoDelay(true);
    return connection;
  }

  /** A connection alone does not suffice: another program may have taken the port. */
  async #untilAccepting(): Promise<void> {
    for (const begin = performance.now(); performance.now() - begin < START_MS;) {
      const connection = await this.connect().catch(() => null);
      // Without a connection, the process does not listen yet.
      const isOver = () => this.#hasAccepted || this.#hasEnded;
      await until(isOver, connection === null ? RETRY_MS : ACCEPT_MS);
      connection?.close();
      if (this.#hasEnded) {
        await this.#ended;
        const reason = this.#output.trim().split("\n").at(-1) || "it gave no reason";
        throw new ShimmyError("backend", `The RPC server cannot start: ${reason}`, {
          detail: this.#output,
        });
      }
      if (this.#hasAccepted) return;
    }
    throw new ShimmyError("backend", `The RPC server did not start within ${START_MS / 1000} s`);
  }

  async #watch(): Promise<void> {
    const reading = Promise.all([this.#readOutput(), this.#readErrors()]);
    await this.#child.status;
    this.#hasEnded = true;
    await reading;
  }

  async #readOutput(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    // It is read to its end, so that the process can write.
    for await (const line of lines) this.#hasAccepted ||= line === ACCEPTED;
  }

  async #readErrors(): Promise<void> {
    for await (const piece of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#output = (this.#output + piece).slice(-OUTPUT);
    }
  }

  /** Ends the process. */
  async end(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // The process has already ended.
    }
    await this.#child.stdin.close().catch(() => {});
    await this.#ended;
  }
}

/** Waits until a condition holds, but not longer than a time. */
async function until(condition: () => boolean, ms: number): Promise<void> {
  const end = performance.now() + ms;
  do await delay(Math.min(ms, RETRY_MS)); while (!condition() && performance.now() < end);
}

/** A port that nothing listens on now. ggml cannot tell which one it got. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
