import { delay } from "@std/async/delay";
import { ShimmyError } from "../../errors.ts";
import { type OwnCommand, ownCommand } from "../../own_command.ts";
import { RPC_SERVER_COMMAND, RPC_SERVER_MODULE, type RpcServerTask } from "./child_main.ts";

/** Milliseconds for the start: libraries are read, and devices are opened. */
const START_MS = 60_000;
/** Milliseconds between two attempts to connect. */
const RETRY_MS = 20;
/** Characters of stderr that are kept for an error. */
const OUTPUT = 2000;

/** What the processes of all connections have in common. */
export type ServerOptions = Omit<RpcServerTask, "address">;

/** The process of an RPC server, which serves one connection after the other. */
export class ServerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #address: Deno.ConnectOptions;
  #hasEnded = false;
  #output = "";
  readonly #ended: Promise<void>;

  private constructor(command: OwnCommand, address: Deno.ConnectOptions) {
    const [program, ...args] = command;
    this.#address = address;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#ended = this.#watch();
  }

  /**
   * Starts a process that listens on a free port of this machine, and waits until it accepts connections.
   *
   * @throws {ShimmyError} `backend` with the reason.
   */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const address = { hostname: "127.0.0.1", port: freePort() };
    const task: RpcServerTask = { ...options, address: `${address.hostname}:${address.port}` };
    const command = ownCommand(RPC_SERVER_COMMAND, RPC_SERVER_MODULE, {
      args: [JSON.stringify(task)],
    });
    const started = new ServerProcess(command, address);
    try {
      (await started.#connectFirst()).close();
      return started;
    } catch (error) {
      await started.end();
      throw error;
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

  async #connectFirst(): Promise<Deno.TcpConn> {
    for (const begin = performance.now(); performance.now() - begin < START_MS;) {
      try {
        return await this.connect();
      } catch {
        // The process does not listen yet.
      }
      if (this.#hasEnded) {
        await this.#ended;
        const reason = this.#output.trim().split("\n").at(-1) || "it gave no reason";
        throw new ShimmyError("backend", `The RPC server cannot start: ${reason}`, {
          detail: this.#output,
        });
      }
      await delay(RETRY_MS);
    }
    throw new ShimmyError("backend", `The RPC server did not start within ${START_MS / 1000} s`);
  }

  async #watch(): Promise<void> {
    const decoder = new TextDecoder();
    const reading = (async () => {
      for await (const piece of this.#child.stderr) {
        this.#output = (this.#output + decoder.decode(piece, { stream: true })).slice(-OUTPUT);
      }
    })();
    await this.#child.status;
    this.#hasEnded = true;
    await reading;
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

/** A port that nothing listens on now. ggml cannot tell which one it got. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
