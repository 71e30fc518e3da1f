/** Folders whose disk is small or read-only, for servers of a fault. */

/** A way to give a server a small or read-only folder `$HOME/disk`. */
export interface Disk {
  /** How it is made, for the report. */
  readonly how: string;
  /** Command around the server's command line. */
  readonly around: readonly string[];
}

const MOUNTING = `mkdir -p "$HOME/disk" && mount -t tmpfs -o "$0" tmpfs "$HOME/disk" && exec "$@"`;

/** Bytes of the small disk. */
export const DISK_BYTES = 8 * 2 ** 20;

/** A command that runs another one where a file system is mounted for it alone. Null: not allowed here. */
async function mounted(options: string): Promise<readonly string[] | null> {
  const unshare = Deno.uid() === 0 ? ["unshare", "-m"] : ["unshare", "-rm"];
  const around = [...unshare, "sh", "-c", MOUNTING, options];
  return await works(around, ["true"]) ? around : null;
}

/** A full disk: a small file system in memory, else a limit on the size of files. */
export async function smallDisk(): Promise<Disk> {
  const around = await mounted(`size=${DISK_BYTES}`);
  if (around !== null) return { how: "a tmpfs of 8 MiB", around };
  const limited = `mkdir -p "$HOME/disk" && trap "" XFSZ && ulimit -f 256 && exec "$@"`;
  return {
    how: "ulimit -f, as no file system can be mounted here: files of at most 128 KiB",
    around: ["sh", "-c", limited, "sh"],
  };
}

/** A read-only file system; null where none can be mounted. */
export async function readOnlyDisk(): Promise<Disk | null> {
  const around = await mounted("ro");
  return around === null ? null : { how: "a tmpfs, mounted read-only", around };
}

async function works(around: readonly string[], command: readonly string[]): Promise<boolean> {
  const [program, ...args] = [...around, ...command];
  const home = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command(program!, {
      args,
      env: { HOME: home },
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Runs a script in the folder `disk` as a server sees it. */
export async function runInDisk(pid: number, home: string, script: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `cd "/proc/${pid}/root${home}/disk" && { ${script}; }`],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
