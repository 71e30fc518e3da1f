import { basename } from "node:path";
import { messageOf } from "../../errors.ts";
import { checkRegularFile } from "../../regular_file.ts";
import type { Call, ModelSession, ResidencyLimits } from "../environment/mod.ts";
import type { GlobalValues, SERVE_OPTIONS, ServeValues } from "../options/mod.ts";
import type { Log } from "./log.ts";
import { watchFile } from "./watch_file.ts";

type ServeCall = Pick<
  Call<typeof SERVE_OPTIONS>,
  "values" | "globals" | "config" | "configPaths" | "reload"
>;

/** Options that take effect only at the start of the server. */
const FIXED = [
  "bind",
  "port",
  "ollama",
  "model-path",
  "api-key",
  "keys-dir",
  "tls-cert",
  "tls-key",
  "store",
  "audit",
  "request-timeout",
  "max-connections",
  "max-body",
  "drain",
  "cors-origin",
  "allow-remote-media",
  "strict",
  "in-process",
  "insecure",
] as const satisfies readonly (keyof ServeValues)[];
const FIXED_GLOBALS = ["gpu-backend", "lora", "quiet", "verbose"] as const;

/** The residency limits of the options. */
export function residencyLimits(values: ServeValues): ResidencyLimits {
  return { keepAlive: values["keep-alive"], maxModels: values["max-models"] };
}

/**
 * Watches the paths of the configuration file and applies the file when it changes, appears or
 * disappears. An invalid file changes nothing, and the log says why.
 *
 * @param prepare pulls the models that new options refer to.
 * @returns a handle that ends the watch.
 */
export function watchConfig(
  call: ServeCall,
  session: ModelSession,
  log: Log,
  prepare: Prepare,
): AsyncDisposable {
  const reloader = new ConfigReloader(call, session, log, prepare);
  const stack = new AsyncDisposableStack();
  for (const path of call.configPaths) stack.use(watchFile(path, () => reloader.check()));
  return stack;
}

/** Resolves references in new options. */
type Prepare = (call: Pick<ServeCall, "values" | "globals">) => Promise<GlobalValues>;

/** The used configuration file at one time. */
interface FileSnapshot {
  readonly path: string;
  readonly text: string;
}

class ConfigReloader {
  readonly #call: ServeCall;
  readonly #session: ModelSession;
  readonly #log: Log;
  readonly #prepare: Prepare;
  #snapshot: FileSnapshot | null;
  #fixed: ReturnType<typeof fixedValues>;
  #running: Promise<void> = Promise.resolve();

  constructor(call: ServeCall, session: ModelSession, log: Log, prepare: Prepare) {
    this.#call = call;
    this.#session = session;
    this.#log = log;
    this.#prepare = prepare;
    this.#snapshot = call.config;
    this.#fixed = fixedValues(call);
  }

  /** Checks run one after the other: two folders may change at the same time. */
  check(): Promise<void> {
    return this.#running = this.#running.then(() => this.#check());
  }

  async #check(): Promise<void> {
    const before = this.#snapshot;
    const now = await snapshotOf(this.#call.configPaths);
    if (now?.path === before?.path && now?.text === before?.text) return;
    this.#snapshot = now;
    const name = basename((now ?? before)!.path);
    const what = now === null ? "was removed" : now.path === before?.path ? "changed" : "was found";
    try {
      const next = await this.#call.reload();
      const globals = await this.#prepare(next);
      await this.#session.configure({
        globals: { ...globals, "gpu-backend": this.#call.globals["gpu-backend"] },
        parallel: next.values.parallel,
        stepTimeout: next.values["step-timeout"],
        config: next.config,
        aliases: next.values.alias,
        residency: residencyLimits(next.values),
      });
      this.#warnFixed(fixedValues(next));
      await this.#warnDraft(globals.draft);
      const settings = next.config === null ? "default settings" : "its settings";
      this.#log.info(`${name} ${what}; new requests use ${settings}`);
    } catch (error) {
      this.#log.warn(
        `${name} ${what} and is invalid; the settings stay unchanged: ${messageOf(error)}`,
      );
    }
  }

  /** The models that a request names next could not be loaded. */
  async #warnDraft(draft: string | null): Promise<void> {
    if (draft === null) return;
    try {
      await this.#session.registry.resolveDraft(draft);
    } catch (error) {
      this.#log.warn(`server.draft: '${draft}': ${messageOf(error)}`);
    }
  }

  #warnFixed(fixed: ReturnType<typeof fixedValues>): void {
    for (const name of Object.keys(fixed)) {
      if (fixed[name] === this.#fixed[name]) continue;
      this.#log.warn(`server.${name}: takes effect after a restart`);
    }
    this.#fixed = fixed;
  }
}

/** The first of the files that exists. */
async function snapshotOf(paths: readonly string[]): Promise<FileSnapshot | null> {
  for (const path of paths) {
    const text = await checkRegularFile(path).then(() => Deno.readTextFile(path))
      .catch(() => null);
    if (text !== null) return { path, text };
  }
  return null;
}

/** The values that need a restart, each as a text for comparison. */
function fixedValues({ values, globals }: Pick<ServeCall, "values" | "globals">) {
  return Object.fromEntries([
    ...FIXED.map((name) => [name, JSON.stringify(values[name])] as const),
    ...FIXED_GLOBALS.map((name) => [name, JSON.stringify(globals[name])] as const),
  ]);
}
