import type { DeviceInfo } from "../../engine/protocol/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { isProgram, ownCommand } from "../../own_command.ts";

/** The hidden command that runs {@linkcode devicesMain}. */
export const DEVICES_COMMAND = "__devices";

/** Version and devices of a library. */
export interface DeviceReport {
  /** Result of `llama_version()`. */
  readonly version: string;
  readonly devices: readonly DeviceInfo[];
  /** Log of the libraries and drivers during the probe. */
  readonly log: string;
}

/** How the child process is started. Tests run another program. */
export interface ProbeOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds after which the child is killed.
   * @default {10_000}
   */
  readonly timeoutMs?: number | undefined;
  readonly command?: readonly [program: string, ...args: string[]] | undefined;
}

/** Prefix of the result line, because libraries may print other lines. */
const RESULT_PREFIX = "shimmy-devices ";

/**
 * Lists the devices of the libraries in a folder. It runs in a child process, because a driver may
 * crash or hang.
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
  const end = (reason: "timeout" | "cancelled") => {
    ended ??= reason;
    try {
      child.kill("SIGKILL");
    } catch {
      // The child has already exited.
    }
  };
  const timer = setTimeout(() => end("timeout"), timeoutMs);
  const cancel = () => end("cancelled");
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  try {
    const { stdout, stderr, success, code, signal: killer } = await child.output();
    if (ended === "cancelled") {
      throw new ShimmyError("cancelled", "Device detection cancelled");
    }
    const log = new TextDecoder().decode(stderr).trim();
    if (ended === "timeout") {
      throw failure(`the driver did not respond within ${timeoutMs / 1000} seconds`, log);
    }
    const result = readResult(new TextDecoder().decode(stdout));
    if (result && "error" in result) throw failure(result.error, log);
    if (!success) throw failure(`the driver crashed (${killer ?? `exit status ${code}`})`, log);
    if (!result) throw failure("the child process returned no result", log);
    return { ...result, log: log };
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
      ? "device detection needs a child process; allow it with --allow-run"
      : "cannot start a child process for device detection";
    throw new ShimmyError("backend", reason, { detail: messageOf(cause), cause });
  }
}

/** The child's result line. Its log is on stderr. */
type ProbeResult = Omit<DeviceReport, "log"> | { readonly error: string };

function readResult(stdout: string): ProbeResult | null {
  const line = stdout.split("\n").findLast((text) => text.startsWith(RESULT_PREFIX));
  return line === undefined ? null : JSON.parse(line.slice(RESULT_PREFIX.length));
}

/**
 * The child process: loads the libraries and backends of a folder and prints the devices, or an
 * error, as one line of JSON.
 */
export async function devicesMain(folder: string): Promise<void> {
  const line = new TextEncoder().encode(
    `${RESULT_PREFIX}${JSON.stringify(await result(folder))}\n`,
  );
  for (let at = 0; at < line.length;) at += Deno.stdout.writeSync(line.subarray(at));
}

async function result(folder: string): Promise<ProbeResult> {
  try {
    const [{ openLibrary }, { listDevices, loadBackends }, { printLogs }] = await Promise.all([
      import("../../../ffi/library/library.ts"),
      import("../../../ffi/backends/backends.ts"),
      import("../../../ffi/backends/logs.ts"),
    ]);
    using library = openLibrary(folder);
    // Only the log says why a backend rejects a device.
    printLogs(library);
    loadBackends(library);
    return { version: library.version, devices: listDevices(library) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

if (isProgram(import.meta)) void devicesMain(Deno.args[1] ?? "");
