import type { Engine } from "../../engine/mod.ts";
import type { AdapterInfo } from "../../engine/protocol/mod.ts";
import { messageOf } from "../../errors.ts";

/**
 * What was loaded, rescaled and unloaded of a model's adapters while it ran, for when the model is loaded
 * again: that it went for being idle is nothing its users should notice.
 */
export class KeptAdapters {
  readonly #kept = new Map<string, readonly AdapterInfo[]>();

  /**
   * Gives a new engine the adapters that the one before had in the end, and keeps its own in turn.
   * @param say hears of those that can no longer be loaded.
   */
  async takeOver(key: string, engine: Engine, say: (line: string) => void): Promise<void> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) await restore(engine, kept, say);
    engine.closed.then(() => this.#kept.set(key, engine.adapters));
  }

  /** The model was unloaded on demand: it begins anew. */
  forget(key: string): void {
    this.#kept.delete(key);
  }
}

async function restore(
  engine: Engine,
  kept: readonly AdapterInfo[],
  say: (line: string) => void,
): Promise<void> {
  for (const { name } of engine.adapters) {
    if (kept.some((one) => one.name === name)) continue;
    await engine.changeAdapters({ action: "unload", name });
  }
  for (const { name, path, scale, layers } of kept) {
    // Those at 0 are loaded when somebody names them.
    if (scale === 0 && !engine.adapters.some((one) => one.name === name)) continue;
    try {
      await engine.changeAdapters({ action: "load", name, path, scale, layers });
    } catch (error) {
      say(`The adapter '${name}' is not loaded again: ${messageOf(error)}`);
    }
  }
}
