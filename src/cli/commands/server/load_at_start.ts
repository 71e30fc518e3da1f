import { delay } from "@std/async/delay";
import type { ModelEntry } from "../../../models/entry/mod.ts";
import type { ModelSession } from "../../environment/mod.ts";
import { explain, placementLine, printable } from "../../output/mod.ts";
import type { Log } from "../../serving/mod.ts";

/** Milliseconds between the end of the load and the request that warms the server up. */
const WARM_UP_DELAY = 50;
/** Milliseconds of a load in which this process reads the header of the model and sends the options. */
const HEADER_MS = 50;

/** What the start of a server does beside the load. */
export interface StartSteps {
  readonly isChosen: boolean;
  readonly keepsModels: boolean;
  /** Called when the model is loaded, or when no model is loaded at the start. */
  readonly started: () => void;
  /** Reads the modules that no request has needed so far. */
  readonly readModules: () => Promise<void>;
  /** Sends a first request to a loaded model. */
  readonly warmUp: (entry: ModelEntry) => Promise<void>;
}

/**
 * Reports the models and loads the default model if it was chosen or is built in. A model that is the
 * default only because it was found first is loaded on request, because it may be large. The modules that
 * requests need are read beside the load, which runs in another process.
 */
export async function loadAtStart(
  session: ModelSession,
  log: Log,
  verbose: boolean,
  stop: AbortSignal,
  { isChosen, keepsModels, started, readModules, warmUp }: StartSteps,
): Promise<void> {
  let reading: Promise<void> | null = null;
  const read = () => reading ??= readModules();
  try {
    const { models, skipped } = await session.registry.discovery();
    for (const { path, reason, kind } of skipped) {
      if (kind === "broken" || kind === "shard") log.warn(printable(`Skipped ${path}: ${reason}`));
      else log.debug(printable(`Ignored ${path}: ${reason}`));
    }
    const entry = await session.selectModel();
    const count = models.length === 1 ? "1 model" : `${models.length} models`;
    log.info(`${count}; default: ${printable(entry.name)}`);
    await session.prepareLibrary();
    // With --keep-alive 0 the model would be unloaded before the first request.
    if (!keepsModels) return;
    if (!isChosen && entry.source !== "base" && entry.source !== "builtin") return;
    const load = session.registry.preload(entry, stop);
    void delay(HEADER_MS, { signal: stop }).then(read, () => {});
    const engine = await load;
    started();
    if (engine === null) {
      log.info(`${printable(entry.name)} is loaded on request: another model was requested first`);
      return;
    }
    const { info } = engine;
    log.info(`Loaded ${printable(entry.name)} (${info.description}): ${placementLine(info)}`);
    if (info.kind !== "language") return;
    // After the answers to clients that wait for the load.
    await delay(WARM_UP_DELAY, { signal: stop });
    await read();
    await warmUp(entry);
  } catch (error) {
    if (!stop.aborted) log.error(explain(error, verbose));
  } finally {
    started();
    if (!stop.aborted) void read();
    // Also a server that stops waits for the import that runs.
    await reading;
  }
}
