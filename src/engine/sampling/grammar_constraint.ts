import { type Candidates, grammarSampler, type Sampler } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { SamplerModel } from "./sampler_model.ts";

/** Characters of the text before a trigger that a pattern may look at: looking at all would be quadratic. */
const TRIGGER_WINDOW = 2048;

/**
 * A grammar, or one that starts when a pattern appears in the text.
 *
 * The waiting is ours and not the library's: a lazy native grammar that is fed text it does not allow
 * ends the process.
 */
export class GrammarConstraint {
  readonly #model: SamplerModel;
  readonly #source: string;
  readonly #triggers: readonly RegExp[];
  #grammar: Sampler | null;
  #text = "";
  readonly #decoder = new TextDecoder();

  constructor(model: SamplerModel, source: string, triggers: readonly string[]) {
    this.#model = model;
    this.#source = source;
    try {
      this.#triggers = triggers.map((trigger) => new RegExp(trigger, "s"));
    } catch (cause) {
      throw new ShimmyError("invalid", "grammar: a trigger is not a regular expression", {
        field: "grammar",
        cause,
      });
    }
    this.#grammar = this.#parse();
    if (triggers.length > 0) this.#stop();
  }

  #parse(): Sampler {
    const { library, vocab } = this.#model;
    const grammar = this.#source.trim() === ""
      ? null
      : grammarSampler(library, vocab, this.#source, "root");
    if (grammar !== null) return grammar;
    // Whoever takes grammars from clients checks them first: the library tells no reason.
    throw new ShimmyError("invalid", "grammar: must be GBNF with a rule named `root`", {
      field: "grammar",
    });
  }

  #stop(): void {
    this.#grammar?.close();
    this.#grammar = null;
  }

  #permits(grammar: Sampler, token: number): boolean {
    const { candidates } = this.#model;
    candidates.only(token);
    grammar.apply(candidates);
    return candidates.firstIsPossible;
  }

  /** Nothing of the text that would start it has come yet. */
  get isWaiting(): boolean {
    return this.#grammar === null;
  }

  allows(token: number): boolean {
    return this.#grammar === null || this.#permits(this.#grammar, token);
  }

  apply(candidates: Candidates): void {
    this.#grammar?.apply(candidates);
  }

  accept(token: number): void {
    if (this.#grammar !== null) {
      this.#grammar.accept(token);
      return;
    }
    this.scan(this.#decoder.decode(this.#model.vocab.piece(token, true), { stream: true }));
  }

  /** Takes note of text that comes while it waits. */
  scan(text: string): void {
    this.#text += text;
    if (this.#text.length > 2 * TRIGGER_WINDOW) this.#text = this.#text.slice(-TRIGGER_WINDOW);
    for (const trigger of this.#triggers) {
      const match = trigger.exec(this.#text);
      if (match !== null) {
        this.#start(this.#text.slice(match.index + match[0].indexOf(match[1] ?? match[0])));
        return;
      }
    }
  }

  /** What has come so far is no text to look for the trigger in. */
  resetText(): void {
    this.#text = "";
  }

  /** Starts the grammar on text that is already there, if the grammar allows that text. */
  #start(begun: string): void {
    const grammar = this.#parse();
    for (const token of this.#model.vocab.tokenize(begun, false, true)) {
      if (!this.#permits(grammar, token)) {
        grammar.close();
        // What follows the trigger is no beginning of this grammar: look for the next trigger.
        this.#text = "";
        return;
      }
      grammar.accept(token);
    }
    this.#grammar = grammar;
  }

  close(): void {
    this.#stop();
  }
}
