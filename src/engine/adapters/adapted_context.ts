import type { Context } from "../../../ffi/mod.ts";
import type { LoadedAdapter } from "./adapter_file.ts";
import { sumVectors, type VectorModel } from "./control_vector.ts";
import type { LayerRange } from "../protocol/mod.ts";

/** A combination of adapters that apply together. */
export interface AdapterCombination {
  /** Equal for combinations that compute the same. */
  readonly key: string;
  readonly members: readonly {
    readonly adapter: LoadedAdapter;
    readonly scale: number;
    readonly layers: LayerRange | null;
  }[];
}

/** No adapters: the base model. */
export const NO_ADAPTERS: AdapterCombination = { key: "[]", members: [] };

/** A context and the adapter combination that is applied to it. */
export class AdaptedContext {
  readonly #context: Pick<Context, "synchronize" | "setLoras" | "setControlVector">;
  readonly #model: VectorModel;
  /** Key of the applied combination. */
  #applied = NO_ADAPTERS.key;
  #hasVector = false;

  constructor(
    context: Pick<Context, "synchronize" | "setLoras" | "setControlVector">,
    model: VectorModel,
  ) {
    this.#context = context;
    this.#model = model;
  }

  /**
   * Applies a combination to the context.
   * @throws {NativeError} if memory is insufficient; then a combination must be applied before the
   * next decode.
   */
  apply({ key, members }: AdapterCombination): void {
    if (key === this.#applied) return;
    // A device may still be computing with the adapters that are about to change.
    this.#context.synchronize();
    this.#applied = "";
    this.#context.setLoras(
      members.flatMap(({ adapter, scale }) =>
        adapter.kind === "lora" ? [{ adapter: adapter.lora, scale }] : []
      ),
    );
    const vectors = members.flatMap(({ adapter, scale, layers }) =>
      adapter.kind === "control-vector" ? [{ vector: adapter.vector, scale, layers }] : []
    );
    if (vectors.length > 0) {
      const width = this.#model.embeddingLength;
      this.#context.setControlVector({ values: sumVectors(vectors, this.#model), width });
    } else if (this.#hasVector) this.#context.setControlVector(null);
    this.#hasVector = vectors.length > 0;
    this.#applied = key;
  }
}
