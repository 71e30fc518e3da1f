/**
 * Holds one thread of another process, as native code that does not return does. Linux only: a signal
 * would stop the whole process, a debugger's request stops the thread alone.
 */
// sys/ptrace.h and bits/waitflags.h of Linux.
const PTRACE_DETACH = 17n;
const PTRACE_SEIZE = 0x4206n;
const PTRACE_INTERRUPT = 0x4207n;
const WNOHANG = 1;
const WALL = 0x4000_0000;
/** Beginning of the system's name of a thread that runs a Worker of Deno. */
const WORKER_NAME = "worker-";
/** Milliseconds between two looks for the end of a held thread. */
const REAP_MS = 50;

const SYMBOLS = {
  ptrace: { parameters: ["i64", "i32", "pointer", "pointer"], result: "i64" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Why threads cannot be held here; null if they can. */
export async function whyNoHold(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "only Linux stops single threads";
  // The status of a child goes to whoever waits first, so the thread is that of a grandchild.
  const child = new Deno.Command("sh", {
    args: ["-c", 'sleep 60 & echo "$!"; wait'],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  try {
    using _held = holdThread(pid);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    Deno.kill(pid, "SIGKILL");
    await reader.cancel();
    await child.status;
  }
}

/** The engine's thread of a model's process. @throws {Error} if there is none. */
export async function engineThread(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `grep -l '^${WORKER_NAME}' /proc/${pid}/task/*/comm`],
  }).output();
  const found = new TextDecoder().decode(stdout).matchAll(/task\/(\d+)\/comm/g);
  // Threads that the engine's thread has started inherit its name and have higher ids.
  const [first] = [...found].map(([, id]) => Number(id)).sort((a, b) => a - b);
  if (first === undefined) throw new Error(`The process ${pid} has no engine thread`);
  return first;
}

/**
 * Holds a thread until disposal, or until it is killed.
 * @throws {Error} if the system does not allow it.
 */
export function holdThread(thread: number): Disposable {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const call = (request: bigint) => Number(libc.symbols.ptrace(request, thread, null, null));
  if (call(PTRACE_SEIZE) !== 0 || call(PTRACE_INTERRUPT) !== 0) {
    libc.close();
    throw new Error("the system does not allow to stop a thread (ptrace)");
  }
  const wait = (flags: number) => libc.symbols.waitpid(thread, new Uint8Array(4), WALL | flags);
  // Only a thread that has stopped can be released.
  wait(0);
  // The kernel reports the end of a process after that of all its threads, to the holder first.
  const timer = setInterval(() => wait(WNOHANG), REAP_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      call(PTRACE_DETACH);
      wait(WNOHANG);
      libc.close();
    },
  };
}
