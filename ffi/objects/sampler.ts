import type { Context } from "./context.ts";
import { LlamaSamplerChainParams, LlamaTokenDataArray } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { address, cString, PointerArray } from "../memory/memory.ts";
import type { Vocab } from "./vocab.ts";

/** Bytes of a `llama_token_data`: id, logit, p. */
const TOKEN_DATA_BYTES = 12;

/** A token that samplers left, and its probability among them. */
export interface Candidate {
  readonly token: number;
  readonly probability: number;
}

/**
 * All tokens of a vocabulary as sampling candidates. One instance per engine is enough, because it
 * is used within a single call.
 */
export class Candidates {
  readonly #ids: Int32Array<ArrayBuffer>;
  readonly #values: Float32Array<ArrayBuffer>;
  readonly #array = new LlamaTokenDataArray();

  constructor(vocabularySize: number) {
    const data = new ArrayBuffer(vocabularySize * TOKEN_DATA_BYTES);
    this.#ids = new Int32Array(data);
    this.#values = new Float32Array(data);
    this.#array.data = address(this.#ids);
  }

  /** Sets the candidates to all tokens with their logits. */
  fill(logits: Float32Array): void {
    for (let id = 0, at = 0; id < logits.length; id++, at += 3) {
      this.#ids[at] = id;
      this.#values[at + 1] = logits[id]!;
      this.#values[at + 2] = 0;
    }
    this.#reset(logits.length);
  }

  /** Sets the candidates to one token, to check whether a sampler allows it. */
  only(token: number): void {
    this.#ids[0] = token;
    this.#values[1] = 1;
    this.#values[2] = 0;
    this.#reset(1);
  }

  #reset(size: number): void {
    this.#array.size = BigInt(size);
    this.#array.selected = -1n;
    this.#array.sorted = false;
  }

  /** Whether the first candidate has not been excluded. */
  get firstIsPossible(): boolean {
    return this.#values[1] !== -Infinity;
  }

  /** Whether any candidate has not been excluded. */
  get anyIsPossible(): boolean {
    const size = Number(this.#array.size);
    for (let i = 0; i < size; i++) if (this.#values[i * 3 + 1] !== -Infinity) return true;
    return false;
  }

  /** The token that a sampler selected, or null. */
  get selected(): number | null {
    const index = Number(this.#array.selected);
    return index < 0 ? null : this.#ids[index * 3]!;
  }

  /** The candidates that are left, with their probabilities after the last sampler. */
  remaining(): Candidate[] {
    const left: Candidate[] = [];
    for (let at = 0; at < Number(this.#array.size) * 3; at += 3) {
      const probability = this.#values[at + 2]!;
      if (probability > 0) left.push({ token: this.#ids[at]!, probability });
    }
    return left;
  }

  /** @internal */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#array.bytes;
  }
}

/** A native sampler. */
export class Sampler implements Disposable {
  protected readonly library: Library;
  #handle: Deno.PointerValue;

  /** @internal */
  constructor(library: Library, handle: Deno.PointerValue) {
    if (handle === null) throw new Error("Cannot create a sampler: the library returned none");
    this.library = library;
    this.#handle = handle;
  }

  /** @internal */
  get handle(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use the sampler: it is closed");
    return this.#handle;
  }

  /** Filters or reweights candidates. The last sampler of a chain selects one. */
  apply(candidates: Candidates): void {
    this.library.llama.llama_sampler_apply(this.handle, candidates.bytes);
  }

  /** Updates the sampler with the chosen token. */
  accept(token: number): void {
    this.library.llama.llama_sampler_accept(this.handle, token);
  }

  /**
   * Samples from the logits of an output and accepts the token. Requires a chain whose last sampler
   * selects a token.
   */
  sample(context: Context, index: number): number {
    return this.library.llama.llama_sampler_sample(this.handle, context.handle, index);
  }

  /** An independent copy with the same state. */
  clone(): Sampler {
    return new Sampler(this.library, this.library.llama.llama_sampler_clone(this.handle));
  }

  /** Copies the state of a sampler with the same configuration. */
  copyFrom(other: Sampler): void {
    this.library.llama.llama_sampler_copy(other.handle, this.handle);
  }

  close(): void {
    if (this.#handle === null) return;
    this.library.llama.llama_sampler_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Samplers applied in order. The last one selects. */
export class SamplerChain extends Sampler {
  constructor(library: Library) {
    const parameters = new LlamaSamplerChainParams(
      library.llama.llama_sampler_chain_default_params() as Uint8Array<ArrayBuffer>,
    );
    parameters.no_perf = true;
    super(library, library.llama.llama_sampler_chain_init(parameters.bytes));
  }

  #add(handle: Deno.PointerValue): this {
    this.library.llama.llama_sampler_chain_add(this.handle, handle);
    return this;
  }

  greedy(): this {
    return this.#add(this.library.llama.llama_sampler_init_greedy());
  }

  /** Samples from the remaining distribution. */
  distribution(seed: number): this {
    return this.#add(this.library.llama.llama_sampler_init_dist(seed));
  }

  /** For fill-in-the-middle: ends the text rather than to continue it without confidence. */
  infill(vocab: Vocab): this {
    return this.#add(this.library.llama.llama_sampler_init_infill(vocab.handle));
  }

  /** Samples towards a target probability. The last sampler of a chain. */
  adaptiveP(target: number, decay: number, seed: number): this {
    return this.#add(this.library.llama.llama_sampler_init_adaptive_p(target, decay, seed));
  }

  topK(k: number): this {
    return this.#add(this.library.llama.llama_sampler_init_top_k(k));
  }

  topP(p: number, minKeep: number): this {
    return this.#add(this.library.llama.llama_sampler_init_top_p(p, BigInt(minKeep)));
  }

  minP(p: number, minKeep: number): this {
    return this.#add(this.library.llama.llama_sampler_init_min_p(p, BigInt(minKeep)));
  }

  typical(p: number, minKeep: number): this {
    return this.#add(this.library.llama.llama_sampler_init_typical(p, BigInt(minKeep)));
  }

  topNSigma(n: number): this {
    return this.#add(this.library.llama.llama_sampler_init_top_n_sigma(n));
  }

  xtc(probability: number, threshold: number, minKeep: number, seed: number): this {
    return this.#add(
      this.library.llama.llama_sampler_init_xtc(probability, threshold, BigInt(minKeep), seed),
    );
  }

  /** Temperature. With `range` above 0 it varies with the entropy of the distribution. */
  temperature(temperature: number, range: number, exponent: number): this {
    return this.#add(
      this.library.llama.llama_sampler_init_temp_ext(temperature, range, exponent),
    );
  }

  mirostat(vocabularySize: number, seed: number, tau: number, eta: number): this {
    // 100 is the number of tokens for the estimate in the paper.
    return this.#add(
      this.library.llama.llama_sampler_init_mirostat(vocabularySize, seed, tau, eta, 100),
    );
  }

  mirostatV2(seed: number, tau: number, eta: number): this {
    return this.#add(this.library.llama.llama_sampler_init_mirostat_v2(seed, tau, eta));
  }

  penalties(
    vocabularySize: number,
    lastN: number,
    repeat: number,
    frequency: number,
    presence: number,
  ): this {
    return this.#add(
      this.library.llama.llama_sampler_init_penalties(
        vocabularySize,
        lastN,
        repeat,
        frequency,
        presence,
      ),
    );
  }

  dry(vocab: Vocab, options: {
    multiplier: number;
    base: number;
    allowedLength: number;
    penaltyLastN: number;
    sequenceBreakers: readonly string[];
  }): this {
    const breakers = PointerArray.ofStrings(options.sequenceBreakers);
    return this.#add(
      this.library.llama.llama_sampler_init_dry(
        vocab.handle,
        options.multiplier,
        options.base,
        options.allowedLength,
        options.penaltyLastN,
        breakers.bytes,
        BigInt(options.sequenceBreakers.length),
      ),
    );
  }

  /** Adds biases to logits. */
  logitBias(
    vocabularySize: number,
    biases: readonly { readonly token: number; readonly bias: number }[],
  ): this {
    const data = new ArrayBuffer(biases.length * 8);
    const view = new DataView(data);
    biases.forEach(({ token, bias }, i) => {
      view.setInt32(i * 8, token, true);
      view.setFloat32(i * 8 + 4, bias, true);
    });
    return this.#add(
      this.library.llama.llama_sampler_init_logit_bias(
        vocabularySize,
        biases.length,
        new Uint8Array(data),
      ),
    );
  }
}

/**
 * A sampler that allows only tokens that continue the grammar (GBNF); null if the grammar cannot be
 * parsed.
 *
 * Accepting a token that the grammar does not allow aborts the process in libllama, so check first.
 */
export function grammarSampler(
  library: Library,
  vocab: Vocab,
  source: string,
  root: string,
): Sampler | null {
  const handle = library.llama.llama_sampler_init_grammar(
    vocab.handle,
    cString(source),
    cString(root),
  );
  return handle === null ? null : new Sampler(library, handle);
}
