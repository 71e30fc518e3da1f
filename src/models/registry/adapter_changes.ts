import type { Engine } from "../../engine/mod.ts";
import type { AdapterInfo } from "../../engine/protocol/mod.ts";
import { messageOf } from "../../errors.ts";

/**
 * Changes of a model's adapters at run time. They are restored when the model is loaded again, so
 * that an idle unload has no visible effect.
 */
export class AdapterChanges {
  readonly #saved = new Map<string, readonly AdapterInfo[]>();

  /**
   * Restores the last adapters of a model in a new engine, and records those of the new engine when
   * it closes.
   *
   * @param log Receives a line for each adapter that cannot be loaded again.
   */
  async restore(key: string, engine: Engine, log: (line: string) => void): Promise<void> {
    const saved = this.#saved.get(key);
    if (saved !== undefined) await restore(engine, saved, log);
    engine.closed.then(() => this.#saved.set(key, engine.adapters));
  }

  /** Forgets the changes after an explicit unload. */
  forget(key: string): void {
    this.#saved.delete(key);
  }
}

async function restore(
  engine: Engine,
  saved: readonly AdapterInfo[],
  log: (line: string) => void,
): Promise<void> {
  for (const { name } of engine.adapters) {
    if (saved.some((one) => one.name === name)) continue;
    await engine.changeAdapters({ action: "unload", name });
  }
  for (const { name, path, scale, layers } of saved) {
    // Adapters with scale 0 are loaded when a request names them.
    if (scale === 0 && !engine.adapters.some((one) => one.name === name)) continue;
    try {
      await engine.changeAdapters({ action: "load", name, path, scale, layers });
    } catch (error) {
      log(`The adapter '${name}' cannot be loaded again: ${messageOf(error)}`);
    }
  }
}
