import type { Library } from "../library/library.ts";

/** A LoRA adapter loaded for one model. Freed with the model at the latest. */
export class LoraAdapter implements Disposable {
  readonly #library: Library;
  #handle: Deno.PointerValue;

  /** @internal Made by `Model.loadLora`. */
  constructor(library: Library, handle: Deno.PointerObject) {
    this.#library = library;
    this.#handle = handle;
  }

  /** @internal */
  get handle(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use the adapter: it is closed");
    return this.#handle;
  }

  close(): void {
    if (this.#handle === null) return;
    this.#library.llama.llama_adapter_lora_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
