/** Shimmy in a real pseudo-terminal, that of tmux, whose screen and keys a test uses. */
import { delay } from "@std/async/delay";
import { join } from "node:path";
import { Machine } from "../cli/machine.ts";

/** Time limit for a text to appear, on a busy machine. */
const LIMIT_MS = 60_000;
const POLL_MS = 50;

/** Why the suite is skipped; null: it can run. */
export const SKIPPED: string | null = reasonToSkip();
if (SKIPPED !== null) console.log(`tests of the terminal are skipped: ${SKIPPED}`);

function reasonToSkip(): string | null {
  if (Deno.build.os === "windows") return "tmux does not exist on Windows";
  try {
    new Deno.Command("tmux", { args: ["-V"], stdout: "null", stderr: "null" }).outputSync();
    return null;
  } catch {
    return "tmux is not installed";
  }
}

/** Registers a test of the terminal. */
export function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: SKIPPED !== null, fn });
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  /** The home folder; default: a new one. */
  readonly machine?: Machine;
}

/** A terminal in which a command of Shimmy runs. */
export class Terminal implements AsyncDisposable {
  readonly machine: Machine;
  readonly #socket: string;
  readonly #ownsMachine: boolean;

  private constructor(machine: Machine, ownsMachine: boolean) {
    this.machine = machine;
    this.#ownsMachine = ownsMachine;
    this.#socket = join(machine.home, `tmux-${crypto.randomUUID().slice(0, 8)}`);
  }

  /** Starts a command line. @param args for example `chat --temperature 0`. */
  static async start(args: readonly string[], options: TerminalOptions = {}): Promise<Terminal> {
    const machine = options.machine ?? await Machine.start();
    const terminal = new Terminal(machine, options.machine === undefined);
    const { program, args: rest, env } = machine.invocation(args, {
      LANG: "C.UTF-8",
      ...options.env,
    });
    const variables = Object.entries(env).map(([name, value]) => quoted(`${name}=${value}`));
    const words = [
      'env -i TERM="$TERM"',
      ...variables,
      quoted(program),
      ...rest.map(quoted),
    ];
    // The status stays on the screen when the program has ended.
    const command = `${words.join(" ")}; echo "status $?"; sleep 1000`;
    await terminal.#tmux(
      ...["-f", "/dev/null", "new-session", "-d"],
      ...["-x", String(options.columns ?? 100), "-y", "40", "-c", machine.home, command],
    );
    await terminal.#tmux("set-option", "-s", "set-clipboard", "on");
    return terminal;
  }

  /** Presses keys by tmux's names, such as `C-a` or `M-Enter`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Types a text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  /** Types a line and presses Enter. */
  async enter(text: string): Promise<void> {
    await this.type(text);
    await this.press("Enter");
  }

  /** Pastes a text, bracketed as the program asked. */
  async paste(text: string): Promise<void> {
    // The command line of tmux takes short texts only.
    const path = join(this.machine.home, "paste");
    await Deno.writeTextFile(path, text);
    await this.#tmux("load-buffer", path);
    await this.#tmux("paste-buffer", "-p");
  }

  /** Changes the size of the terminal. */
  async resize(columns: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", "40");
  }

  /** What the program has copied to the clipboard. */
  async clipboard(): Promise<string> {
    return await this.#tmux("show-buffer");
  }

  /** The lines on the screen and those that have left it. @param styles with attributes. */
  async screen(styles = false): Promise<string> {
    const text = await this.#tmux(
      ...["capture-pane", "-p", "-J", "-S", "-2000", ...(styles ? ["-e"] : [])],
    );
    return text.replaceAll(/[ \t]+$/gm, "").trimEnd();
  }

  /** The screen when a text or pattern has appeared on it. */
  async shows(pattern: string | RegExp, styles = false): Promise<string> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const screen = await this.screen(styles);
      if (typeof pattern === "string" ? screen.includes(pattern) : pattern.test(screen)) {
        return screen;
      }
      if (Date.now() > deadline) throw new Error(`${pattern} has not appeared:\n${screen}`);
      await delay(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
    if (this.#ownsMachine) await this.machine[Symbol.asyncDispose]();
  }

  async #tmux(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-u", "-S", this.#socket, ...args],
      stdin: "null",
    }).output();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`tmux ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
