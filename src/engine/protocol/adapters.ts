/** Adapter types of the messages between the engine's public interface and its core. */

/** First and last layer, both inclusive. Layer 0 cannot be changed. */
export type LayerRange = readonly [first: number, last: number];

/** File of a LoRA adapter or a control vector, and how it is applied. */
export interface AdapterSource {
  readonly path: string;
  /** Lower case. Default: the file name without `.gguf`. */
  readonly name?: string | undefined;
  /** Scale for requests that choose no adapters. 0 disables the adapter for those requests. */
  readonly scale: number;
  /** Layers that a control vector changes. Default: every layer it has a direction for. */
  readonly layers?: LayerRange | undefined;
}

/** An adapter that a request chooses, and its scale. */
export interface LoraChoice {
  readonly name: string;
  readonly scale: number;
  /** File to load the adapter from if it is not loaded. Only requests that choose it use it. */
  readonly path?: string | undefined;
}

/** A LoRA adapter changes weights; a control vector adds directions to layer outputs. */
export type AdapterKind = "lora" | "control-vector";

/** A loaded adapter. `scale` applies to requests that choose no adapters. */
export interface AdapterInfo {
  readonly name: string;
  readonly kind: AdapterKind;
  readonly scale: number;
  readonly layers?: LayerRange;
  /** Path of the file. Never sent to HTTP clients. */
  readonly path: string;
  /** SHA-256 of the file in hexadecimal digits. */
  readonly digest: string;
}

/** Changes to the adapters of a running model. */
export type AdapterChange =
  | ({ readonly action: "load" } & AdapterSource)
  /** Loads the adapter unless one with this name is loaded. */
  | ({ readonly action: "ensure" } & AdapterSource)
  | {
    readonly action: "scale";
    readonly name: string;
    readonly scale: number;
    readonly layers?: LayerRange | undefined;
  }
  | { readonly action: "unload"; readonly name: string };
