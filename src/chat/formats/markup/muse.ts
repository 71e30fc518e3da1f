import { quoted } from "../shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import type { ParseContext, ToolFormat } from "../shared/format.ts";
import { type Markup, markupFormat, readMarkupCalls } from "../shared/markup.ts";

const START = "<|start|>";
const MESSAGE = "<|message|>";
const END = "<|eom|>";

const MARKUP: Markup = {
  open: "<atem:function_calls>",
  close: "</atem:function_calls>",
  call: '<atem:invoke name="',
  callNameEnd: '">',
  callClose: "</atem:invoke>",
  argument: '<atem:parameter name="',
  argumentNameEnd: '">',
  valueOpen: "",
  argumentClose: "</atem:parameter>",
  lines: false,
  space: "\n",
};

const markup = markupFormat({
  ...MARKUP,
  name: "muse",
  matches: (template) => template.includes(MARKUP.open),
});

function* parse(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  for (let isFirst = true;; isFirst = false) {
    const { text: header, stop } = yield* reader.textUntil(MESSAGE, MARKUP.open);
    if (stop === null) {
      const isHeader = !isFirst || /^\s*(t|to|to=.*)?$/s.test(header);
      if (reader.isCut && isHeader) output.startCall();
      else output.text(header);
      return;
    }
    if (header.includes("to=self")) {
      yield* reader.until([END], (text) => output.reasoning(text));
      continue;
    }
    if (stop === MARKUP.open) yield* readMarkupCalls(reader, output, MARKUP, context);
    const ended = yield* readMessage(reader, output, context);
    if (!ended) return;
  }
}

/** Parses text and calls up to the end of a message. False if the answer ended first. */
function* readMessage(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<boolean> {
  for (;;) {
    const stop = yield* reader.until(
      [MARKUP.open, MARKUP.close, END, "<|eot|>"],
      (text) => output.text(text),
    );
    if (stop === null) return false;
    if (stop === MARKUP.open) yield* readMarkupCalls(reader, output, MARKUP, context);
    else if (stop !== MARKUP.close) return true;
  }
}

/** Muse Glimmer: messages to itself are reasoning, messages to a tool contain tags. */
export const muse: ToolFormat = {
  ...markup,
  markers: [...markup.markers, START, MESSAGE, END],
  reasoningFrame: { open: ` to=self${MESSAGE}`, close: END },
  framesAnswer: true,
  parse,
  preamble: (rules) =>
    `( " to=self" ${quoted(MESSAGE)} ${rules.until(END)} ${quoted(`${END}${START}assistant`)} )?`,
  frame: (content) => `" to=user"? ${quoted(MESSAGE)} ${content}`,
  grammar: (tools, rules, parallel) =>
    `( " to=" [a-zA-Z0-9_.-]+ ${quoted(MESSAGE)} )? ${markup.grammar(tools, rules, parallel)}`,
};
