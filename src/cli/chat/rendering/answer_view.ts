import type { AnswerEvent } from "../../../chat/mod.ts";
import { MarkdownStream } from "./markdown_stream.ts";
import { styled, type Styles } from "./styles.ts";
import { WordWrap } from "./word_wrap.ts";
import type { Output } from "../../environment/mod.ts";
import { withoutControls } from "../../output/mod.ts";

/** How answers are shown. */
export interface ViewOptions {
  /** Null: the text as the model writes it, without Markdown and colours. */
  readonly styles: Styles | null;
  readonly columns: number;
  /** Whether lines are broken between words. */
  readonly wraps: boolean;
  /** Whether the reasoning is shown, folded into one line, or left out. */
  readonly reasoning: "shown" | "folded" | "hidden";
}

/** Shows an answer while it streams. */
export class AnswerView {
  readonly #output: Output;
  readonly #options: ViewOptions;
  readonly #text: { push(text: string): string; end(): string };
  readonly #thoughts: WordWrap;
  readonly #started = performance.now();
  #isReasoning = false;
  #hasText = false;
  #hasWritten = false;

  constructor(output: Output, options: ViewOptions) {
    const { styles, columns, wraps } = options;
    this.#output = output;
    this.#options = options;
    const edge = wraps ? columns : Infinity;
    this.#text = styles === null ? new WordWrap(edge) : new MarkdownStream(styles, columns, wraps);
    this.#thoughts = new WordWrap(edge);
  }

  async event(event: AnswerEvent): Promise<void> {
    if (event.type === "progress") this.#showProgress(event.progress);
    if ((event.type !== "reasoning" && event.type !== "text") || event.text === "") return;
    // A pipe gets the text as it is.
    const text = this.#output.isTerminal ? withoutControls(event.text) : event.text;
    if (event.type === "reasoning") await this.#reasoning(text);
    else await this.#answer(text);
  }

  /** Shows the rest, and ends the line. */
  async end(): Promise<void> {
    await this.#endReasoning();
    await this.#write(`${this.#text.end()}\n`);
  }

  /** Ends what is shown of an answer that failed. */
  async fail(): Promise<void> {
    if (this.#hasWritten) await this.end();
  }

  async #answer(text: string): Promise<void> {
    await this.#endReasoning();
    // After reasoning, and without a template, many models begin with a space or empty lines.
    const shown = this.#hasText || this.#options.columns === Infinity ? text : text.trimStart();
    this.#hasText ||= shown !== "";
    await this.#write(this.#text.push(shown));
  }

  async #reasoning(text: string): Promise<void> {
    const { reasoning, styles } = this.#options;
    if (reasoning === "hidden") return;
    if (reasoning === "folded") {
      this.#isReasoning = true;
      this.#output.progress(`Reasoning, ${this.#seconds()} s`);
      return;
    }
    if (!this.#isReasoning) await this.#write(styles?.dim.on ?? "");
    this.#isReasoning = true;
    await this.#write(this.#thoughts.push(text));
  }

  async #endReasoning(): Promise<void> {
    if (!this.#isReasoning) return;
    this.#isReasoning = false;
    const { reasoning, styles } = this.#options;
    if (reasoning === "shown") {
      return await this.#write(`${this.#thoughts.end()}${styles?.dim.off ?? ""}\n\n`);
    }
    const line = `▸ Reasoned for ${this.#seconds()} s; /show reasoning shows it`;
    await this.#write(`${styles === null ? line : styled(styles.dim, line)}\n`);
  }

  #showProgress(
    { promptTokens, processedTokens }: { promptTokens: number; processedTokens: number },
  ): void {
    if (processedTokens >= promptTokens || promptTokens === 0) return;
    const share = Math.floor(processedTokens / promptTokens * 100);
    this.#output.progress(`Reading the prompt ${share} %`);
  }

  #seconds(): string {
    return ((performance.now() - this.#started) / 1000).toFixed(1);
  }

  async #write(text: string): Promise<void> {
    if (text === "") return;
    this.#hasWritten = true;
    await this.#output.write(text);
  }
}
