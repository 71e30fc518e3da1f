import { basename } from "@std/path";
import { messageOf } from "../../errors.ts";
import type { Call } from "../command.ts";
import type { Log } from "../log.ts";
import type { SERVE_OPTIONS, ServeValues } from "../serve_options.ts";
import type { Residence, Session } from "../world.ts";
import { watchFile } from "./watch.ts";

type ServeCall = Pick<Call<typeof SERVE_OPTIONS>, "values" | "globals" | "config" | "again">;

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
 * Watches the configuration file and puts what it says by now to work. A file that cannot be used
 * changes nothing, and the log says why.
 *
 * @returns what ends it.
 */
export function followConfig(call: ServeCall, session: Session, log: Log): AsyncDisposable {
  if (call.config === null) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const { path } = call.config;
  let seen: string | null = call.config.text;
  let told = fixedOf(call);
  const reread = async () => {
    const text = await Deno.readTextFile(path).catch(() => null);
    if (text === seen) return;
    seen = text;
    try {
      const next = await call.again();
      await session.configure({
        globals: { ...next.globals, "gpu-backend": call.globals["gpu-backend"] },
        parallel: next.values.parallel,
        config: next.config,
        residence: residenceOf(next.values),
      });
      const fixed = fixedOf(next);
      for (const name of Object.keys(fixed)) {
        if (fixed[name] === told[name]) continue;
        log.warn(`server.${name}: takes effect when Shimmy is started again`);
      }
      told = fixed;
      log.info(`${basename(path)} has changed; its settings hold from now on`);
    } catch (error) {
      log.warn(
        `${basename(path)} has changed and cannot be used, so the settings stay as they ` +
          `were: ${messageOf(error)}`,
      );
    }
  };
  try {
    return watchFile(path, reread);
  } catch (error) {
    log.warn(`${basename(path)} cannot be watched: ${messageOf(error)}`);
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

/** Values that need a new start, each as text to be compared. */
function fixedOf({ values, globals }: Pick<ServeCall, "values" | "globals">) {
  return Object.fromEntries([
    ...FIXED.map((name) => [name, JSON.stringify(values[name])] as const),
    ...FIXED_GLOBALS.map((name) => [name, JSON.stringify(globals[name])] as const),
  ]);
}
