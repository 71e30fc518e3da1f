import { anyOf, quoted } from "./shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../stream/mod.ts";
import { argumentsText, type ParseContext, type ToolFormat } from "./shared/format.ts";

const CHANNEL = "<|channel|>";
const MESSAGE = "<|message|>";
const START = "<|start|>";
const END = "<|end|>";
const CALL = "<|call|>";

function* parse(
  reader: Reader,
  output: EventBuffer,
  context: ParseContext,
): IncrementalParser<void> {
  const opened = context.generationPrompt.slice(context.generationPrompt.lastIndexOf(START));
  let header = opened.includes(MESSAGE) ? opened : null;
  for (let isFirst = true;; isFirst = false) {
    if (header === null) {
      const { text, stop } = yield* reader.textUntil(MESSAGE);
      if (stop === null && reader.isCut && (!isFirst || isHeaderStart(text))) {
        output.startCall();
        return;
      }
      if (stop === null) {
        // An answer without a channel is text.
        output.text(text.replace(/<\|(channel|start|constrain|end)\|>|assistant/g, ""));
        return;
      }
      header = text;
    }
    const recipient = /to=(?:functions\.)?([\w.-]+)/.exec(header)?.[1];
    const isCall = recipient !== undefined && header.includes("to=functions.");
    if (isCall) output.toolCall(recipient);
    const emit = isCall
      ? (text: string) => output.toolArguments(text)
      : header.includes(`${CHANNEL}analysis`)
      ? (text: string) => output.reasoning(text)
      : (text: string) => output.text(text);
    if ((yield* reader.until([END, CALL, START, "<|return|>"], emit)) === null) return;
    header = null;
  }
}

/** True if text may be the start of a message's header. */
function isHeaderStart(text: string): boolean {
  return [CHANNEL, START].some((mark) => text.startsWith(mark) || mark.startsWith(text)) ||
    /^\s*(t|to|to=.*)$/s.test(text);
}

/**
 * GPT-OSS: channels for reasoning, commentary and the answer. The recipient of a call is
 * `functions.<name>`.
 */
export const harmony: ToolFormat = {
  name: "harmony",
  matches: (template) => template.includes(CHANNEL),
  markers: [CHANNEL, MESSAGE, START, END, CALL, "<|constrain|>"],
  reasoningFrame: { open: `${CHANNEL}analysis${MESSAGE}`, close: END },
  framesAnswer: true,
  parse,
  write: (calls) =>
    calls.map((call) =>
      `${CHANNEL}commentary to=functions.${call.name} <|constrain|>json${MESSAGE}` +
      `${argumentsText(call)}${CALL}`
    ).join(`${START}assistant`),
  triggers: () => [`${CHANNEL}commentary to=functions`],
  preamble: (rules, opensReasoning) => {
    const end = quoted(`${END}${START}assistant`);
    const analysis = `${rules.until(END)} ${end}`;
    return opensReasoning ? analysis : `( ${quoted(`${CHANNEL}analysis${MESSAGE}`)} ${analysis} )?`;
  },
  frame: (content) => `${quoted(`${CHANNEL}final${MESSAGE}`)} ${content}`,
  // A call ends the answer, so there is never more than one.
  grammar(tools, rules) {
    const calls = tools.map((tool) => {
      const head = quoted(`${CHANNEL}commentary to=functions.${tool.name}`);
      const type = `( " " ( ${quoted("<|constrain|>")}? "json" )? )?`;
      return `${head} ${type} ${quoted(MESSAGE)} ${rules.arguments(tool)}`;
    });
    return rules.add("call", anyOf(calls));
  },
};
