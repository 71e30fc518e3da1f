import { type Candidates, grammarSampler, type Sampler } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { SamplerModel } from "./sampler_model.ts";

/**
 * Length of the text window that triggers are matched against, in characters. Matching the whole
 * text would be quadratic.
 */
const TRIGGER_WINDOW = 2048;

/**
 * Milliseconds that the grammar may take for one token. The model computes nothing else meanwhile. A
 * grammar whose next step would take longer is not known before, so this ends the sequence after it.
 */
const TOKEN_LIMIT_MS = 5_000;

/**
 * A grammar constraint on the tokens of a sequence. With triggers it is lazy: inactive until a
 * trigger matches the text.
 *
 * Triggers are matched here and not by the native lazy grammar, which ends the process when it is
 * given text that it does not allow.
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
    // Grammars of clients are validated before this point, because libllama gives no reason.
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
    timed(() => grammar.apply(candidates));
    return candidates.firstIsPossible;
  }

  /** Whether no trigger has matched yet, so that every token is allowed. */
  get isInactive(): boolean {
    return this.#grammar === null;
  }

  allows(token: number): boolean {
    return this.#grammar === null || this.#permits(this.#grammar, token);
  }

  apply(candidates: Candidates): void {
    const grammar = this.#grammar;
    if (grammar !== null) timed(() => grammar.apply(candidates));
  }

  accept(token: number): void {
    const grammar = this.#grammar;
    if (grammar !== null) {
      timed(() => grammar.accept(token));
      return;
    }
    this.scan(this.#decoder.decode(this.#model.vocab.piece(token, true), { stream: true }));
  }

  /** Adds text and activates the grammar if a trigger matches. */
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

  /** Discards the text that triggers are matched against. */
  resetText(): void {
    this.#text = "";
  }

  /** Activates the grammar after text that already exists, if the grammar allows that text. */
  #start(begun: string): void {
    const grammar = this.#parse();
    for (const token of this.#model.vocab.tokenize(begun, false, true)) {
      if (!this.#permits(grammar, token)) {
        grammar.close();
        // The text after the trigger does not fit the grammar: wait for the next trigger.
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

/** Runs a native step. @throws {ShimmyError} `invalid` if it took too long. */
function timed(step: () => void): void {
  const start = performance.now();
  step();
  const milliseconds = performance.now() - start;
  if (milliseconds <= TOKEN_LIMIT_MS) return;
  throw new ShimmyError(
    "invalid",
    `grammar: one token took ${
      Math.round(milliseconds)
    } ms; at most ${TOKEN_LIMIT_MS} are allowed: ` +
      "the grammar reads the same text in too many ways",
    { field: "grammar" },
  );
}
