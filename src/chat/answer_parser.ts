import type { RenderedChat } from "./prompt/mod.ts";
import {
  type Cut,
  EventBuffer,
  type IncrementalParser,
  type ParsedEvent,
  Reader,
  readReasoning,
} from "./stream/mod.ts";

/** Parses the text of an answer incrementally into text, reasoning and tool calls. */
export class AnswerParser {
  readonly #reader = new Reader();
  readonly #output: EventBuffer;
  readonly #parse: IncrementalParser<void>;

  constructor(chat: RenderedChat) {
    const mayCall = chat.tools.length > 0 || chat.format.framesAnswer === true;
    this.#output = new EventBuffer(mayCall);
    this.#parse = parseAnswer(this.#reader, this.#output, chat, mayCall);
  }

  /** Number of tool calls so far. */
  get calls(): number {
    return this.#output.calls;
  }

  /** Parses the next piece of text. Returns the new events. */
  push(text: string): ParsedEvent[] {
    if (text !== "") {
      this.#reader.push(text);
      this.#parse.next();
    }
    return this.#output.drain();
  }

  /** Index of the call whose arguments are incomplete at the end of the answer, or null. */
  get incompleteCall(): number | null {
    return this.#output.incompleteCall;
  }

  /** True if the answer ended inside a call, also inside its name. */
  get endsInCall(): boolean {
    return this.#output.endsInCall;
  }

  /** Ends the text. `cut` is null if the model ended it. Returns the remaining events. */
  end(cut: Cut | null = null): ParsedEvent[] {
    this.#reader.end(cut);
    this.#parse.next();
    if (this.#reader.cutsMark) this.#output.dropSpace();
    this.#output.end(cut !== null);
    return this.#output.drain();
  }
}

function* parseAnswer(
  reader: Reader,
  output: EventBuffer,
  chat: RenderedChat,
  mayCall: boolean,
): IncrementalParser<void> {
  const { format, reasoning, opensReasoning, tools, generationPrompt } = chat;
  if (!format.framesAnswer) yield* readReasoning(reader, output, reasoning, opensReasoning);
  if (mayCall) yield* format.parse(reader, output, { tools, generationPrompt, opensReasoning });
  yield* reader.rest((text) => output.text(text));
}
