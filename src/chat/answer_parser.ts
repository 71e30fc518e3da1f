import type { RenderedChat } from "./prompt/mod.ts";
import {
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

  /** Ends the text. Returns the remaining events. */
  end(): ParsedEvent[] {
    this.#reader.end();
    this.#parse.next();
    this.#output.end();
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
