import type { JsonParser, PreparationPool, Preparer } from "../../chat/mod.ts";
import { ShimmyError } from "../../errors.ts";

/**
 * A {@linkcode PreparationPool} that is created with its first use, because the server listens before the
 * modules for templates and grammars are read.
 */
export class LatePreparation implements Preparer, JsonParser, Disposable {
  #opening: Promise<PreparationPool> | null = null;
  #pool: PreparationPool | null = null;
  #isClosed = false;

  answer(...args: Parameters<Preparer["answer"]>): ReturnType<Preparer["answer"]> {
    return this.#use((pool) => pool.answer(...args));
  }

  prompt(...args: Parameters<Preparer["prompt"]>): ReturnType<Preparer["prompt"]> {
    return this.#use((pool) => pool.prompt(...args));
  }

  json(...args: Parameters<JsonParser["json"]>): Promise<unknown> {
    return this.#use((pool) => pool.json(...args));
  }

  /** Starts the first thread, so that the first request does not wait for it. */
  async warm(): Promise<void> {
    if (!this.#isClosed) (await this.#open()).warm();
  }

  /** Without a wait, once the pool is there. */
  #use<T>(use: (pool: PreparationPool) => Promise<T>): Promise<T> {
    return this.#pool === null ? this.#open().then(use) : use(this.#pool);
  }

  #open(): Promise<PreparationPool> {
    return this.#opening ??= this.#create().catch((error) => {
      // The next request tries again.
      this.#opening = null;
      throw error;
    });
  }

  async #create(): Promise<PreparationPool> {
    const { PreparationPool } = await import("../../chat/mod.ts");
    if (this.#isClosed) throw new ShimmyError("cancelled", "The server is shutting down");
    return this.#pool = new PreparationPool();
  }

  /** Ends all threads. Running and waiting tasks fail. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#pool?.[Symbol.dispose]();
  }
}
