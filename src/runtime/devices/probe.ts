import type { DeviceInfo } from "../../engine/protocol/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { isProgram, ownCommand } from "../../own_command.ts";

/** The hidden command that runs {@linkcode devicesMain}. */
export const DEVICES_COMMAND = "__devices";

/** What a library says of itself and of its devices. */
export interface DeviceReport {
  /** What `llama_version()` says. */
  readonly version: string;
  readonly devices: readonly DeviceInfo[];
  /** What libraries and drivers logged while they looked. */
  readonly log: string;
}

/** How a child process is started; tests put another program in its place. */
export interface ProbeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the child is killed. @default {10_000} */
  readonly timeoutMs?: number | undefined;
  readonly command?: readonly [program: string, ...args: string[]] | undefined;
}

/** Marks the line that is ours among what libraries may print. */
const MARK = "shimmy-devices ";

/**
 * Asks a folder's libraries for their devices, in a child process: a driver that crashes or hangs takes
 * only that one along.
 *
 * @throws {ShimmyError} `backend` with the reason as a sentence; `cancelled`
 */
export async function probeDevices(
  folder: string,
  options: ProbeOptions = {},
): Promise<DeviceReport> {
  const { signal, timeoutMs = 10_000 } = options;
  const [program, ...args] = options.command === undefined
    ? ownCommand(DEVICES_COMMAND, import.meta.url, { args: [folder] })
    : [...options.command, DEVICES_COMMAND, folder] as const;
  const child = spawn(program, args);
  let ended: "timeout" | "cancelled" | undefined;
  const end = (why: "timeout" | "cancelled") => {
    ended ??= why;
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  };
  const timer = setTimeout(() => end("timeout"), timeoutMs);
  const cancel = () => end("cancelled");
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  try {
    const { stdout, stderr, success, code, signal: killer } = await child.output();
    if (ended === "cancelled") {
      throw new ShimmyError("cancelled", "Looking for devices was cancelled");
    }
    const said = new TextDecoder().decode(stderr).trim();
    if (ended === "timeout") {
      throw failure(`its driver did not answer within ${timeoutMs / 1000} seconds`, said);
    }
    const answer = readAnswer(new TextDecoder().decode(stdout));
    if (answer && "error" in answer) throw failure(answer.error, said);
    if (!success) throw failure(`its driver crashed (${killer ?? `exit status ${code}`})`, said);
    if (!answer) throw failure("the child process gave no answer", said);
    return { ...answer, log: said };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

function failure(reason: string, detail: string): ShimmyError {
  return new ShimmyError("backend", reason, detail ? { detail } : {});
}

function spawn(program: string, args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotCapable
      ? "looking for devices needs a child process, which Deno allows with --allow-run"
      : "a child process to look for devices cannot be started";
    throw new ShimmyError("backend", reason, { detail: messageOf(cause), cause });
  }
}

/** What the child's line says; what it logged comes by another way. */
type Answer = Omit<DeviceReport, "log"> | { readonly error: string };

function readAnswer(stdout: string): Answer | null {
  const line = stdout.split("\n").findLast((text) => text.startsWith(MARK));
  return line === undefined ? null : JSON.parse(line.slice(MARK.length));
}

/**
 * The child's side: loads the libraries of a folder with their backends and prints their devices, or
 * what went wrong, as one line of JSON.
 */
export async function devicesMain(folder: string): Promise<void> {
  const line = new TextEncoder().encode(`${MARK}${JSON.stringify(await answer(folder))}\n`);
  for (let at = 0; at < line.length;) at += Deno.stdout.writeSync(line.subarray(at));
}

async function answer(folder: string): Promise<Answer> {
  try {
    const [{ openLibrary }, { listDevices, loadBackends }, { printLogs }] = await Promise.all([
      import("../../../ffi/library/library.ts"),
      import("../../../ffi/backends/backends.ts"),
      import("../../../ffi/backends/logs.ts"),
    ]);
    using library = openLibrary(folder);
    // Why a backend declines a device stands in its log alone.
    printLogs(library);
    loadBackends(library);
    return { version: library.version, devices: listDevices(library) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

if (isProgram(import.meta)) void devicesMain(Deno.args[1] ?? "");
