import { TextLineStream } from "@std/streams/text-line-stream";
import { fromFileUrl } from "@std/path";
import { V8_FLAGS } from "../../src/own_command.ts";
import type { Column } from "./report.ts";

/** How a server is started for a scenario. */
export interface Settings {
  readonly model: string;
  /** Sequences at once. */
  readonly parallel: number;
  /** Tokens each of them may hold. */
  readonly context: number;
  readonly unified: boolean;
  /** 0 leaves it to the server. */
  readonly threads: number;
  /** Of ours: without a process for the model. */
  readonly inProcess?: boolean;
  /** Of ours, of theirs: further arguments. */
  readonly extra?: Partial<Record<Column, readonly string[]>>;
}

/** A server that answers. Disposing of it ends it. */
export interface Server extends AsyncDisposable {
  readonly column: Column;
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from its start until `/health` answered, and until it could generate. */
  readonly healthMs: number;
  readonly readyMs: number;
}

/** Milliseconds a server has to get ready, and to end when it is told to. */
const READY_MS = 120_000;
const END_MS = 15_000;

const RIGHTS = ["ffi", "read", "write", "net", "env", "sys", "run"].map((name) =>
  `--allow-${name}`
);
const MAIN = fromFileUrl(new URL("../../main.ts", import.meta.url));

/**
 * Starts Shimmy's own server.
 *
 * @param program An executable, or null for the source by way of Deno.
 */
export async function startOurs(program: string | null, settings: Settings): Promise<Server> {
  const [command, ...before] = ours(program);
  const args = [
    ...before,
    "serve",
    ...["--bind", "127.0.0.1:0", "--model-path", settings.model],
    ...["--parallel", `${settings.parallel}`],
    // A unified cache holds as many tokens in all as one sequence may.
    ...["--ctx", `${settings.context * (settings.unified ? settings.parallel : 1)}`],
    ...["--threads", `${settings.threads}`, "--gpu-backend", "cpu"],
    ...(settings.unified ? ["--kv-unified"] : []),
    ...(settings.inProcess ? ["--in-process"] : []),
    // Random weights repeat themselves, which drafts would turn into speed that no real model has.
    ...(settings.extra?.shimmy ?? ["--lookup", "off"]),
  ];
  const started = performance.now();
  const child = new Deno.Command(command, {
    args,
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

/** Starts llama.cpp's server. */
export async function startPeer(program: string, settings: Settings): Promise<Server> {
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
  if (value === undefined) throw new Error("The server ended before it told its address");
  // What follows is read and dropped, so that the server never waits for room in the pipe.
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
      if (exited) throw new Error(`${column} ended while it started`);
      if (performance.now() - started > READY_MS) throw new Error(`${column} does not get ready`);
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

/** Ends every server that was started, for when the benchmark itself is told to end. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map(end));
}

const running = new Set<Deno.ChildProcess>();

async function end(child: Deno.ChildProcess): Promise<void> {
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), END_MS);
  await child.status;
  clearTimeout(timer);
  running.delete(child);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function ours(program: string | null): [string, ...string[]] {
  return program === null
    ? [Deno.execPath(), "run", V8_FLAGS, "--quiet", "--no-prompt", ...RIGHTS, MAIN]
    : [program];
}
