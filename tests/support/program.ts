/** Runs Shimmy as a program. */
import { TextLineStream } from "@std/streams/text-line-stream";
import { freePort } from "../../scripts/free_port.ts";

/** A program with the arguments before those of Shimmy. */
export interface Program {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Output and exit status of a program. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 120_000;

function start({ command: [program, ...first], env, cwd }: Program, args: readonly string[]) {
  return new Deno.Command(program, {
    args: [...first, ...args],
    clearEnv: true,
    env: { ...env },
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command to its end. Kills it after a timeout. */
export async function run(program: Program, args: readonly string[]): Promise<Outcome> {
  const child = start(program, args);
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A running server. */
export interface Served extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`. */
  readonly base: string;
  readonly pid: number;
  /** Stops the server and returns its exit status. */
  stop(): Promise<number>;
}

/** Starts `serve` on a free port and waits for its first line, the address. */
export async function serve(program: Program, args: readonly string[] = []): Promise<Served> {
  const child = start(program, ["serve", "--bind", `127.0.0.1:${freePort()}`, ...args]);
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  const reader = lines.getReader();
  const { value: address } = await reader.read();
  const rest = (async () => {
    while (!(await reader.read()).done);
  })();
  let ended: Promise<number> | undefined;
  const stop = () =>
    ended ??= (async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // The process has already ended.
      }
      const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
      const { code } = await child.status;
      clearTimeout(timer);
      await Promise.all([rest, errors]);
      return code;
    })();
  if (address === undefined) {
    await stop();
    throw new Error(`serve printed no address: ${await errors}`);
  }
  return {
    base: `http://${address}`,
    pid: child.pid,
    stop,
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}

/** The answer to a prompt over the native API. */
export async function generate(base: string, prompt: string): Promise<string> {
  const response = await fetch(`${base}/api/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt, temperature: 0 }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()).response;
}
