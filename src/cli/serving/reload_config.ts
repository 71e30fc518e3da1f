import { basename } from "@std/path";
import { messageOf } from "../../errors.ts";
import type { Call, Residence, Session } from "../environment/mod.ts";
import type { GlobalValues, SERVE_OPTIONS, ServeValues } from "../options/mod.ts";
import type { Log } from "./log.ts";
import { watchFile } from "./watch_file.ts";

type ServeCall = Pick<
  Call<typeof SERVE_OPTIONS>,
  "values" | "globals" | "config" | "configPaths" | "again"
>;

/** Options that a running server cannot change: it is bound to them, or has chosen by them. */
const FIXED = [
  "bind",
  "port",
  "model-path",
  "api-key",
  "cors-origin",
  "in-process",
  "insecure",
] as const satisfies readonly (keyof ServeValues)[];
const FIXED_GLOBALS = ["gpu-backend", "lora", "verbose"] as const;

/** How long models stay loaded, and how many, as the options say. */
export function residenceOf(values: ServeValues): Residence {
  return { keepAlive: values["keep-alive"], maxModels: values["max-models"] };
}

/**
 * Watches the places of the configuration file and puts what it says by now to work, also when it is
 * made or removed. A file that cannot be used changes nothing, and the log says why.
 *
 * @param prepare brings what new options name.
 * @returns what ends it.
 */
export function followConfig(
  call: ServeCall,
  session: Session,
  log: Log,
  prepare: Prepare,
): AsyncDisposable {
  const following = new Following(call, session, log, prepare);
  const stack = new AsyncDisposableStack();
  for (const path of call.configPaths) {
    try {
      stack.use(watchFile(path, () => following.look()));
    } catch (error) {
      const line = `${path} cannot be watched: ${messageOf(error)}`;
      // A file that nobody has made need not be one that anybody will make.
      if (path === call.config?.path) log.warn(line);
      else log.debug(line);
    }
  }
  return stack;
}

/** Options as a session takes them. */
type Prepare = (call: Pick<ServeCall, "values" | "globals">) => Promise<GlobalValues>;

/** The file that counts, as it was last seen. */
interface Sight {
  readonly path: string;
  readonly text: string;
}

class Following {
  readonly #call: ServeCall;
  readonly #session: Session;
  readonly #log: Log;
  readonly #prepare: Prepare;
  #seen: Sight | null;
  #told: ReturnType<typeof fixedOf>;
  #looking: Promise<void> = Promise.resolve();

  constructor(call: ServeCall, session: Session, log: Log, prepare: Prepare) {
    this.#call = call;
    this.#session = session;
    this.#log = log;
    this.#prepare = prepare;
    this.#seen = call.config;
    this.#told = fixedOf(call);
  }

  /** One at a time: two folders may change at once. */
  look(): Promise<void> {
    return this.#looking = this.#looking.then(() => this.#look());
  }

  async #look(): Promise<void> {
    const before = this.#seen;
    const now = await sightOf(this.#call.configPaths);
    if (now?.path === before?.path && now?.text === before?.text) return;
    this.#seen = now;
    const name = basename((now ?? before)!.path);
    const what = now === null ? "is gone" : now.path === before?.path ? "has changed" : "was found";
    try {
      const next = await this.#call.again();
      const globals = await this.#prepare(next);
      await this.#session.configure({
        globals: { ...globals, "gpu-backend": this.#call.globals["gpu-backend"] },
        parallel: next.values.parallel,
        config: next.config,
        residence: residenceOf(next.values),
      });
      this.#tellFixed(fixedOf(next));
      const whose = next.config === null ? "the settings without it" : "its settings";
      this.#log.info(`${name} ${what}; ${whose} hold from now on`);
    } catch (error) {
      this.#log.warn(
        `${name} ${what} and cannot be used, so the settings stay as they were: ${
          messageOf(error)
        }`,
      );
    }
  }

  #tellFixed(fixed: ReturnType<typeof fixedOf>): void {
    for (const name of Object.keys(fixed)) {
      if (fixed[name] === this.#told[name]) continue;
      this.#log.warn(`server.${name}: takes effect when Shimmy is started again`);
    }
    this.#told = fixed;
  }
}

/** The first of some files that is there. */
async function sightOf(paths: readonly string[]): Promise<Sight | null> {
  for (const path of paths) {
    const text = await Deno.readTextFile(path).catch(() => null);
    if (text !== null) return { path, text };
  }
  return null;
}

/** Values that need a new start, each as text to be compared. */
function fixedOf({ values, globals }: Pick<ServeCall, "values" | "globals">) {
  return Object.fromEntries([
    ...FIXED.map((name) => [name, JSON.stringify(values[name])] as const),
    ...FIXED_GLOBALS.map((name) => [name, JSON.stringify(globals[name])] as const),
  ]);
}
