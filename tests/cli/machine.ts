/** A home folder and a server in it, for tests of the command line. */
import { join } from "node:path";
import { realLibraryFolder } from "../../ffi/testing.ts";
import { LOCK, MAIN } from "../support/source.ts";

/** Those of the task `shimmy`. */
const RIGHTS = ["ffi", "read", "write", "net", "env", "sys", "run"].map((right) =>
  `--allow-${right}`
);

/** A machine with the library and nothing else: no models, no settings. */
export class Machine implements AsyncDisposable {
  readonly #home: string;
  readonly #library: string;
  readonly #around: readonly string[];

  private constructor(home: string, library: string, around: readonly string[]) {
    this.#home = home;
    this.#library = library;
    this.#around = around;
  }

  /** @param around A command that gets the command line of Shimmy as its last arguments and becomes it. */
  static async start(around: readonly string[] = []): Promise<Machine> {
    const library = await realLibraryFolder();
    if (library === null) throw new Error("There is no libllama for this machine");
    return new Machine(await Deno.makeTempDir(), library, around);
  }

  get home(): string {
    return this.#home;
  }

  /** The program, arguments and variables that run a command line. */
  invocation(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [program, ...rest] = [
      ...this.#around,
      ...[Deno.execPath(), "run", LOCK, ...RIGHTS, MAIN, ...args],
      // One thread does not wait for others on a busy machine.
      ...["--threads", "1"],
    ];
    return {
      program: program!,
      args: rest,
      env: {
        ...inherited(
          "PATH",
          "DENO_DIR",
          "DENO_TLS_CA_STORE",
          "DENO_CERT",
          "SYSTEMROOT",
          "TMPDIR",
          "TEMP",
        ),
        DENO_DIR: denoFolder(),
        HOME: this.#home,
        USERPROFILE: this.#home,
        SHIMMY_LIBLLAMA: this.#library,
        NO_COLOR: "1",
        ...env,
      },
    };
  }

  command(args: string[], env: Record<string, string> = {}, stdin: "piped" | "null" = "null") {
    const { program, ...invocation } = this.invocation(args, env);
    return new Deno.Command(program, {
      ...invocation,
      cwd: this.#home,
      clearEnv: true,
      stdin,
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Runs a command line to its end. */
  async run(args: string[], options: { env?: Record<string, string>; input?: string } = {}) {
    const { env, input } = options;
    const child = this.command(args, env, input === undefined ? "null" : "piped").spawn();
    if (input !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input));
      await writer.close();
    }
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#home, { recursive: true });
  }
}

function inherited(...names: string[]): Record<string, string> {
  const pairs = names.map((name) => [name, Deno.env.get(name)] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}

/** Deno's own cache, which a process with another home would not find. */
function denoFolder(): string {
  const { DENO_DIR, HOME, XDG_CACHE_HOME, LOCALAPPDATA } = inherited(
    "DENO_DIR",
    "HOME",
    "XDG_CACHE_HOME",
    "LOCALAPPDATA",
  );
  if (DENO_DIR) return DENO_DIR;
  if (Deno.build.os === "windows") return join(LOCALAPPDATA ?? "", "deno");
  if (Deno.build.os === "darwin") return join(HOME ?? "", "Library", "Caches", "deno");
  return join(XDG_CACHE_HOME ?? join(HOME ?? "", ".cache"), "deno");
}

/** A server in a process of its own. */
export class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  /** Its standard error so far. */
  #said = "";
  readonly #rest: Promise<string>;

  private constructor(child: Deno.ChildProcess, readonly address: string, rest: Promise<string>) {
    this.#child = child;
    this.#rest = rest;
    this.#stderr = (async () => {
      for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
        this.#said += part;
      }
      return this.#said;
    })();
  }

  static async start(
    machine: Machine,
    args: string[] = ["--port", "0"],
    env: Record<string, string> = {},
  ): Promise<Server> {
    const child = machine.command(["serve", ...args], env).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`serve ended: ${await new Response(child.stderr).text()}`);
      text += value;
    }
    const rest = (async () => {
      let more = "";
      for (let chunk; !(chunk = await reader.read()).done;) more += chunk.value;
      return more;
    })();
    return new Server(child, text.trim(), rest);
  }

  get pid(): number {
    return this.#child.pid;
  }

  url(path: string): string {
    return `http://${this.address}${path}`;
  }

  generate(body: unknown, signal?: AbortSignal): Promise<Response> {
    return fetch(this.url("/api/generate"), {
      method: "POST",
      body: JSON.stringify(body),
      signal: signal ?? null,
    });
  }

  /** Waits until a text is in the standard error of the server, for half a minute at most. */
  async says(text: string): Promise<void> {
    for (let waited = 0; !this.#said.includes(text); waited++) {
      if (waited === 600) throw new Error(`The server does not say '${text}': ${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<{ code: number; stderr: string; stdout: string }> {
    const [{ code }, stderr, stdout] = await Promise.all([
      this.#child.status,
      this.#stderr,
      this.#rest,
    ]);
    return { code, stderr, stdout };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.ended();
  }
}

/** The processes that a process has started. The kernel's files are not Deno's to read, but a shell's. */
export async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `cat /proc/${pid}/task/*/children`],
  }).output();
  return new TextDecoder().decode(stdout).split(/\s+/).filter((text) => text !== "").map(Number);
}
