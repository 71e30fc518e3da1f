import { messageOf, ShimmyError } from "../../errors.ts";
import { type ByteStream, closeQuietly, StreamEnded } from "../streams/mod.ts";
import { KeyRefused } from "../tunnel/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  countDevices,
  deviceMemory,
  isSupported,
  NoWorker,
  type ProtocolVersion,
  sayHello,
  type WorkerMemory,
} from "./worker_protocol.ts";
import { RPC_PROTO_MAJOR_VERSION, RPC_PROTO_MINOR_VERSION } from "../../../ffi/mod.ts";

/** An RPC worker that answers. */
export interface Worker {
  readonly endpoint: Endpoint;
  /** `IP:PORT` for ggml, which takes only IPv4. */
  readonly address: string;
  readonly version: ProtocolVersion;
  /** Median time of a request and its answer, in milliseconds. */
  readonly latencyMs: number;
  readonly devices: readonly WorkerMemory[];
}

/** A connection to a worker, and the address that ggml connects to for the same worker. */
export interface WorkerConnection {
  readonly stream: ByteStream;
  readonly address: string;
}

/** How a worker is reached. */
export interface ProbeOptions {
  /** Default: a TCP connection. */
  readonly connect?: (endpoint: Endpoint) => Promise<WorkerConnection>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for everything. Default 10,000: a busy worker starts a process for the connection. */
  readonly timeoutMs?: number;
}

/**
 * Parts of the time limit. Where this thread is held up, as at the start of a server on a busy machine, one part
 * passes: the answer may have come meanwhile.
 */
const TICKS = 10;

/** Requests whose median is the latency. */
const LATENCY_REQUESTS = 9;

/**
 * Asks a worker for its version, devices and memory, over a connection of its own.
 *
 * ggml ends the process when a worker cannot be reached or has another version. So everything that it would
 * check is checked here first.
 *
 * @throws {ShimmyError} `backend` with the reason; `cancelled`.
 */
export async function probeWorker(endpoint: Endpoint, options: ProbeOptions = {}): Promise<Worker> {
  const { connect = connectTcp, timeoutMs = 10_000 } = options;
  const refuse = (what: string, cause?: unknown) =>
    new ShimmyError("backend", `Worker ${endpoint.text} ${what}`, { cause });
  const ending = Promise.withResolvers<never>();
  ending.promise.catch(() => {});
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks < TICKS) return;
    const what = stage === "connect"
      ? `cannot be reached within ${timeoutMs / 1000} s`
      : `accepts connections and does not answer within ${
        timeoutMs / 1000
      } s: it is no RPC worker, ` +
        "or it serves another program (llama.cpp's rpc-server serves one at a time), " +
        "or it needs --rpc-key";
    ending.reject(refuse(what));
  }, timeoutMs / TICKS);
  const cancel = () => ending.reject(new ShimmyError("cancelled", "The check was cancelled"));
  options.signal?.addEventListener("abort", cancel);
  if (options.signal?.aborted) cancel();
  let stage: "connect" | "talk" = "connect";
  let hasEnded = false;
  let stream: ByteStream | null = null;
  try {
    const connecting = connect(endpoint);
    // A connection that is made too late is closed.
    connecting.then((late) => hasEnded && closeQuietly(late.stream), () => {});
    const connection = await Promise.race([connecting, ending.promise]);
    stage = "talk";
    stream = connection.stream;
    const facts = await Promise.race([talk(stream, refuse), ending.promise]);
    return { endpoint, address: connection.address, ...facts };
  } catch (error) {
    if (error instanceof ShimmyError) throw error;
    if (error instanceof KeyRefused) throw refuse(`cannot be used: ${error.message}`, error);
    if (error instanceof NoWorker || error instanceof StreamEnded) {
      const hint = options.connect === undefined ? ", or it needs --rpc-key" : "";
      throw refuse(`does not speak ggml's RPC protocol${hint}`, error);
    }
    throw refuse(`cannot be reached: ${reasonOf(error)}`, error);
  } finally {
    hasEnded = true;
    clearInterval(timer);
    options.signal?.removeEventListener("abort", cancel);
    if (stream !== null) closeQuietly(stream);
  }
}

async function talk(
  stream: ByteStream,
  refuse: (what: string) => ShimmyError,
): Promise<Pick<Worker, "version" | "latencyMs" | "devices">> {
  const version = await sayHello(stream);
  if (!isSupported(version)) {
    const { major, minor, patch } = version;
    const needed = `${RPC_PROTO_MAJOR_VERSION}.${RPC_PROTO_MINOR_VERSION}`;
    throw refuse(
      `has version ${major}.${minor}.${patch} of the RPC protocol; this program needs ${needed}: ` +
        "use a worker of the same version of llama.cpp, such as `shimmy rpc-serve` of this version",
    );
  }
  const times: number[] = [];
  let count = 0;
  for (let request = 0; request < LATENCY_REQUESTS; request++) {
    const begin = performance.now();
    count = await countDevices(stream);
    times.push(performance.now() - begin);
  }
  if (count === 0) throw refuse("has no devices");
  const devices: WorkerMemory[] = [];
  for (let index = 0; index < count; index++) devices.push(await deviceMemory(stream, index));
  const latencyMs = times.sort((a, b) => a - b)[LATENCY_REQUESTS >> 1]!;
  return { version, latencyMs, devices };
}

/** A TCP connection to a worker. */
export async function connectTcp({ hostname, port }: Endpoint): Promise<WorkerConnection> {
  const stream = await Deno.connect({ hostname, port });
  stream.setNoDelay(true);
  const { hostname: ip } = stream.remoteAddr as Deno.NetAddr;
  if (ip.includes(":")) {
    stream.close();
    throw new Error("ggml's RPC needs an IPv4 address, and the name has only IPv6 addresses");
  }
  return { stream, address: `${ip}:${port}` };
}

/** Deno's message without the number of the error. */
function reasonOf(error: unknown): string {
  const text = messageOf(error).replace(/ \(os error \d+\)$/, "");
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
