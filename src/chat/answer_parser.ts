import type { RenderedChat } from "./prompt/mod.ts";
import { type ParsedEvent, Reader, type Reading, readReasoning, Sink } from "./stream/mod.ts";

/** Turns the text of an answer, as it comes, into text, reasoning and tool calls. */
export class AnswerParser {
  readonly #reader = new Reader();
  readonly #sink: Sink;
  readonly #parse: Reading<void>;

  constructor(chat: RenderedChat) {
    const mayCall = chat.tools.length > 0 || chat.format.framesAnswer === true;
    this.#sink = new Sink(mayCall);
    this.#parse = parseAnswer(this.#reader, this.#sink, chat, mayCall);
  }

  /** How many tools were called so far. */
  get calls(): number {
    return this.#sink.calls;
  }

  /** What the next piece of text brings to light. */
  push(text: string): ParsedEvent[] {
    if (text !== "") {
      this.#reader.push(text);
      this.#parse.next();
    }
    return this.#sink.drain();
  }

  /** What was held back until the text ended. */
  end(): ParsedEvent[] {
    this.#reader.end();
    this.#parse.next();
    this.#sink.end();
    return this.#sink.drain();
  }
}

function* parseAnswer(
  reader: Reader,
  sink: Sink,
  chat: RenderedChat,
  mayCall: boolean,
): Reading<void> {
  const { format, reasoning, opensReasoning, tools, generationPrompt } = chat;
  if (!format.framesAnswer) yield* readReasoning(reader, sink, reasoning, opensReasoning);
  if (mayCall) yield* format.parse(reader, sink, { tools, generationPrompt, opensReasoning });
  yield* reader.rest((text) => sink.text(text));
}
