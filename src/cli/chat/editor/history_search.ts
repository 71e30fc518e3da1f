/** The search of Ctrl-R through earlier messages. */
export class HistorySearch {
  readonly #history: readonly string[];
  #query = "";
  #at = 0;

  /** @param before The text before the search, which comes back when the search is cancelled. */
  constructor(history: readonly string[], readonly before: string) {
    this.#history = history;
  }

  /** The latest message that contains the searched text; the empty text: none does. */
  get match(): string {
    return this.#query === "" ? "" : this.#history[this.#at] ?? "";
  }

  get prompt(): string {
    const isFailed = this.#query !== "" && this.match === "";
    return `(${isFailed ? "not found" : "search"}: ${this.#query}) `;
  }

  /** Searches a longer text. */
  type(text: string): void {
    this.#query += text;
    this.#find(this.#at);
  }

  /** Searches a text that is shorter by one character. */
  erase(): void {
    this.#query = Array.from(this.#query).slice(0, -1).join("");
    this.#find(0);
  }

  /** Searches the next older message. */
  older(): void {
    const next = this.#history.findIndex((text, at) => at > this.#at && text.includes(this.#query));
    if (next !== -1) this.#at = next;
  }

  #find(from: number): void {
    const found = this.#history.findIndex((text, at) => at >= from && text.includes(this.#query));
    this.#at = found === -1 ? this.#history.length : found;
  }
}
