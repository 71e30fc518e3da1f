/** What the two sides of an engine tell each other of adapters; `protocol.ts` hands it out. */

/** Layers from the first to the last one, both included; layer 0 is none of them. */
export type LayerRange = readonly [first: number, last: number];

/** A file with a LoRA adapter or a control vector, and how it is applied. */
export interface AdapterSource {
  readonly path: string;
  /** In lower case; the file's name without `.gguf` unless given. */
  readonly name?: string | undefined;
  /** For sequences that choose no adapters; 0 leaves it to those that do. */
  readonly scale: number;
  /** Layers that a control vector changes; all it has directions for unless given. */
  readonly layers?: LayerRange | undefined;
}

/** An adapter by its name, and how strongly it counts. */
export interface LoraChoice {
  readonly name: string;
  readonly scale: number;
  /** Its file, from which it is loaded, for those alone who choose it, where it is not loaded. */
  readonly path?: string | undefined;
}

/** What an adapter is: one that changes weights, or directions added to what layers put out. */
export type AdapterKind = "lora" | "control-vector";

/** An adapter that is loaded; `scale` is for requests that choose none. */
export interface AdapterInfo {
  readonly name: string;
  readonly kind: AdapterKind;
  readonly scale: number;
  readonly layers?: LayerRange;
  /** Where its file lies; not for clients. */
  readonly path: string;
  /** SHA-256 of its file, in hexadecimal digits. */
  readonly digest: string;
}

/** What may be done with a model's adapters while it runs. */
export type AdapterChange =
  | ({ readonly action: "load" } & AdapterSource)
  /** Loads it where none of its name is loaded, and else leaves that as it is. */
  | ({ readonly action: "ensure" } & AdapterSource)
  | {
    readonly action: "scale";
    readonly name: string;
    readonly scale: number;
    readonly layers?: LayerRange | undefined;
  }
  | { readonly action: "unload"; readonly name: string };
