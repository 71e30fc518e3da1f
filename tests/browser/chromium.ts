/** Chromium for the tests of the web page: found on this machine, and driven over its debugging port. */
import { TextLineStream } from "@std/streams/text-line-stream";
import { type Browser, chromium } from "test:playwright-core";

const NAMES = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The program of Chromium, or the reason why there is none. `SHIMMY_CHROMIUM` names another one. */
export async function findChromium(): Promise<{ program: string } | { reason: string }> {
  const given = Deno.env.get("SHIMMY_CHROMIUM");
  const names = given === undefined ? NAMES : [given];
  for (const program of names) {
    try {
      const { success } = await new Deno.Command(program, { args: ["--version"] }).output();
      if (success) return { program };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return {
    reason: given === undefined
      ? "Chromium is not installed; SHIMMY_CHROMIUM can name its program"
      : `SHIMMY_CHROMIUM: ${given} is not a program that runs`,
  };
}

const ARGUMENTS = [
  "--headless=new",
  "--remote-debugging-port=0",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  "--lang=en-US",
];

/** A browser in a process and with a profile of its own. */
export class Chromium implements AsyncDisposable {
  readonly browser: Browser;
  readonly #child: Deno.ChildProcess;
  readonly #profile: string;
  readonly #output: Promise<void>;

  private constructor(
    browser: Browser,
    child: Deno.ChildProcess,
    profile: string,
    output: Promise<void>,
  ) {
    this.browser = browser;
    this.#child = child;
    this.#profile = profile;
    this.#output = output;
  }

  static async start(program: string): Promise<Chromium> {
    const profile = await Deno.makeTempDir();
    const child = new Deno.Command(program, {
      args: [
        ...ARGUMENTS,
        `--user-data-dir=${profile}`,
        // Chromium refuses its sandbox to root, as in containers.
        ...(Deno.uid() === 0 ? ["--no-sandbox"] : []),
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines = child.stderr.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const seen: string[] = [];
    let address: string | undefined;
    while (address === undefined) {
      const { value, done } = await lines.read();
      if (done) throw new Error(`Chromium ended: ${seen.join("\n")}`);
      seen.push(value);
      address = /^DevTools listening on (\S+)/.exec(value)?.[1];
    }
    const output = (async () => {
      while (!(await lines.read()).done);
    })();
    const browser = await chromium.connectOverCDP(address);
    return new Chromium(browser, child, profile, output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#output;
    // Its helpers write for a moment longer.
    for (let tries = 0; tries < 20; tries++) {
      try {
        return await Deno.remove(this.#profile, { recursive: true });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}
