import { TextLineStream } from "@std/streams/text-line-stream";
import { fileURLToPath } from "node:url";
import { V8_FLAGS } from "../../../src/own_command.ts";
import { freePort } from "../../free_port.ts";
import type { Column } from "../report.ts";

/** Settings of a server for a scenario. */
export interface Settings {
  readonly model: string;
  /** Concurrent sequences. */
  readonly parallel: number;
  /** Maximum tokens of each sequence. */
  readonly context: number;
  readonly unified: boolean;
  /** 0: default of the server. */
  readonly threads: number;
  /** Shimmy only: load the model in the server process. */
  readonly inProcess?: boolean;
  /** Additional arguments by program. */
  readonly extra?: Partial<Record<Column, readonly string[]>>;
  /** Additional environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running server. Disposal stops it. */
export interface Server extends AsyncDisposable {
  readonly column: Column;
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from the start until `/health` answered, and until it could generate. */
  readonly healthMs: number;
  readonly readyMs: number;
}

/** Timeouts for the start and the end of a server, in milliseconds. */
const READY_MS = 120_000;
const END_MS = 15_000;

const RIGHTS = ["ffi", "read", "write", "net", "env", "sys", "run"].map((name) =>
  `--allow-${name}`
);
const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));
const LOCK = `--lock=${fileURLToPath(new URL("../../../deno.lock", import.meta.url))}`;

/**
 * Starts Shimmy's server.
 *
 * @param program executable, or null to run the source with Deno.
 */
export async function startShimmy(program: string | null, settings: Settings): Promise<Server> {
  const [command, ...before] = ours(program);
  const args = [
    ...before,
    "serve",
    ...["--bind", "127.0.0.1:0", "--model-path", settings.model],
    ...["--parallel", `${settings.parallel}`],
    // The context of a unified cache is the total of all sequences.
    ...["--ctx", `${settings.context * (settings.unified ? settings.parallel : 1)}`],
    ...["--threads", `${settings.threads}`, "--gpu-backend", "cpu"],
    ...["--kv-unified", settings.unified ? "on" : "off"],
    ...(settings.inProcess ? ["--in-process"] : []),
    // Random weights repeat themselves, so drafts would give a speed that real models do not have.
    ...(settings.extra?.shimmy ?? ["--lookup", "off"]),
  ];
  const started = performance.now();
  const child = new Deno.Command(command, {
    args,
    env: { ...settings.env },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  running.add(child);
  try {
    const address = await firstLine(child);
    const url = `http://${address}`;
    return await whenReady("shimmy", child, url, "/ready", started);
  } catch (error) {
    await end(child);
    throw error;
  }
}

/** Starts llama-server. */
export async function startLlamaServer(program: string, settings: Settings): Promise<Server> {
  const port = freePort();
  const started = performance.now();
  const child = new Deno.Command(program, {
    args: [
      ...["--model", settings.model, "--host", "127.0.0.1", "--port", `${port}`],
      ...["--parallel", `${settings.parallel}`],
      ...["--ctx-size", `${settings.context * settings.parallel}`],
      ...(settings.threads > 0 ? ["--threads", `${settings.threads}`] : []),
      ...["--gpu-layers", "0", "--fit", "off", "--no-ui"],
      settings.unified ? "--kv-unified" : "--no-kv-unified",
      ...(settings.extra?.["llama-server"] ?? []),
    ],
    env: { ...settings.env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  running.add(child);
  try {
    return await whenReady("llama-server", child, `http://127.0.0.1:${port}`, "/health", started);
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  const reader = lines.getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error("The server ended before it printed its address");
  // Drain the output, so that the server never blocks on the pipe.
  reader.releaseLock();
  lines.pipeTo(new WritableStream()).catch(() => {});
  return value;
}

async function whenReady(
  column: Column,
  child: Deno.ChildProcess,
  url: string,
  path: string,
  started: number,
): Promise<Server> {
  let exited = false;
  child.status.then(() => exited = true);
  const answers = async (route: string, good: (status: number) => boolean): Promise<number> => {
    while (true) {
      if (exited) throw new Error(`${column} ended during its start`);
      if (performance.now() - started > READY_MS) {
        throw new Error(`${column} is not ready after ${READY_MS / 1000} s`);
      }
      const status = await fetch(url + route).then(async (response) => {
        await response.body?.cancel();
        return response.status;
      }, () => 0);
      if (good(status)) return performance.now() - started;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const healthMs = await answers("/health", (status) => status > 0);
  const readyMs = await answers(path, (status) => status === 200);
  return {
    column,
    url,
    pid: child.pid,
    healthMs,
    readyMs,
    [Symbol.asyncDispose]: () => end(child),
  };
}

/** Stops all running servers when the benchmark is interrupted. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(end));
}

const running = new Set<Deno.ChildProcess>();

async function end(child: Deno.ChildProcess): Promise<void> {
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch (error) {
      // The process has already ended.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), END_MS);
  await child.status;
  clearTimeout(timer);
  running.delete(child);
}

function ours(program: string | null): [string, ...string[]] {
  return program === null
    ? [Deno.execPath(), "run", LOCK, V8_FLAGS, "--quiet", "--no-prompt", ...RIGHTS, MAIN]
    : [program];
}
