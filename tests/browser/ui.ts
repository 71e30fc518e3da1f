/** Tests of the web page: a real server with the tiny model, and a page of Chromium. */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import type { BrowserContext, BrowserContextOptions, Page } from "test:playwright-core";
import { Machine, Server } from "../cli/machine.ts";
import { Chromium, findChromium } from "./chromium.ts";

/** The name of the built-in model. */
export const TINY_NAME = "shimmy-tiny";

/** Milliseconds that a step of a test may take on a busy machine. */
const STEP_MS = 90_000;

export interface UiOptions {
  /** Arguments of `serve`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Files in the model folder of the machine: names, and the paths that they are copied from. */
  readonly models?: Readonly<Record<string, string>>;
  /** Size, colour scheme and the like of the page. */
  readonly context?: BrowserContextOptions;
}

/** A page of a server. */
export class Ui implements AsyncDisposable {
  /** What the page did that no page may do. */
  readonly problems: string[] = [];
  /** The address of a proxy in front of the server. */
  proxy: string | null = null;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly server: Server,
    readonly machine: Machine,
    stack: AsyncDisposableStack,
  ) {
    this.#stack = stack;
    page.on("request", (request) => this.#checkAddress(request.url()));
    page.on("pageerror", (error) => void this.problems.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // The browser reports each response with an error status, which tests ask for.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.problems.push(`console: ${message.text()}`);
      }
    });
  }

  /** Starts a server and a browser. */
  static async start(program: string, options: UiOptions = {}): Promise<Ui> {
    await using stack = new AsyncDisposableStack();
    const machine = stack.use(await Machine.start());
    const folder = join(machine.home, "models");
    await Deno.mkdir(folder);
    for (const [name, path] of Object.entries(options.models ?? {})) {
      await Deno.copyFile(path, join(folder, name));
    }
    const { args = [], env = {} } = options;
    const server = stack.use(await Server.start(machine, ["--port", "0", ...args], { ...env }));
    const chromium = stack.use(await Chromium.start(program));
    const context = await chromium.browser.newContext({ locale: "en-US", ...options.context });
    stack.defer(() => context.close());
    context.setDefaultTimeout(STEP_MS);
    return new Ui(await context.newPage(), context, server, machine, stack.move());
  }

  /** Opens a page of the user interface by its hash route, such as `#/models`. */
  async open(hash = ""): Promise<void> {
    await this.page.goto(this.server.url(`/ui${hash}`));
  }

  /** The JSON of a route of the server. */
  // deno-lint-ignore no-explicit-any
  async api(path: string, init?: RequestInit): Promise<any> {
    return await (await fetch(this.server.url(path), init)).json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  #checkAddress(address: string): void {
    const url = new URL(address);
    const isOwn = url.host === (this.proxy ?? this.server.address) ||
      /^(data|blob):$/.test(url.protocol);
    if (!isOwn) this.problems.push(`request to ${url.origin}`);
  }
}

const found = await findChromium();
if ("reason" in found) console.error(`skipped: ${found.reason}`);

/**
 * A test with a page. Besides what it asserts, the page must send no request to another origin, throw no
 * error and not violate its content security policy. It is skipped where Chromium is missing.
 */
export function uiTest(
  name: string,
  fn: (start: (options?: UiOptions) => Promise<Ui>) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: "reason" in found,
    async fn() {
      const started: Ui[] = [];
      await fn(async (options) => {
        const ui = await Ui.start((found as { program: string }).program, options);
        started.push(ui);
        return ui;
      });
      assertEquals(started.flatMap(({ problems }) => problems), []);
    },
  });
}

/** Waits until a condition holds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + STEP_MS;
  while (!await condition()) {
    if (performance.now() > end) throw new Error("What was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
