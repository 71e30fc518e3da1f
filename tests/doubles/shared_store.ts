import type { SharedStore } from "../../src/shared_store/mod.ts";

/** A shared store in memory, which a test can take down. */
export class SharedStoreDouble implements SharedStore {
  readonly texts = new Map<string, string>();
  /** Seconds for which the texts are kept that have a time. */
  readonly seconds = new Map<string, number>();
  isDown = false;
  /** Changes happen, but their answers come too late. */
  isSlow = false;
  /** The changes that the store has not made yet, if they come to it late. */
  late: (() => void)[] | null = null;
  /** Called before a text is replaced, as another server may change it meanwhile. */
  beforeReplace: () => void = () => {};

  get(name: string): Promise<string | null | undefined> {
    return Promise.resolve(this.isDown ? undefined : this.texts.get(name) ?? null);
  }

  set(name: string, text: string, seconds: number): Promise<boolean> {
    if (!this.isDown) {
      this.texts.set(name, text);
      this.seconds.set(name, seconds);
    }
    return Promise.resolve(!this.isDown && !this.isSlow);
  }

  replace(name: string, before: string | null, after: string): Promise<boolean> {
    this.beforeReplace();
    if (this.isDown) return Promise.resolve(false);
    const change = () => {
      const isSame = (this.texts.get(name) ?? null) === before;
      if (isSame) this.texts.set(name, after);
      return isSame;
    };
    if (this.late === null) return Promise.resolve(change() && !this.isSlow);
    this.late.push(change);
    return Promise.resolve(false);
  }

  delete(name: string): Promise<boolean> {
    if (!this.isDown) this.texts.delete(name);
    return Promise.resolve(!this.isDown);
  }
}
