import { quoted } from "../shared/gbnf.ts";
import { readReasoning } from "../../stream/mod.ts";
import type { ToolFormat } from "../shared/format.ts";
import { type Markup, markupFormat, readMarkupCalls } from "../shared/markup.ts";
import { readSections } from "../shared/sections.ts";

const open = (tag: string) => `<|open|>${tag}<|sep|>`;
const close = (tag: string) => `<|close|>${tag}<|sep|>`;

const MARKUP: Markup = {
  open: open("tools"),
  close: close("tools"),
  call: '<|open|>call tool="',
  callNameEnd: '"',
  // Calls have an index.
  afterName: {
    text: (index) => ` index="${index + 1}"<|sep|>`,
    rule: `" index=\\"" [0-9]+ "\\"<|sep|>"`,
  },
  callClose: close("call"),
  argument: '<|open|>argument key="',
  argumentNameEnd: '"',
  valueOpen: "<|sep|>",
  argumentClose: close("argument"),
  attributes: (type) => ` type="${type}"`,
  lines: false,
  space: "",
};

const FRAMES = [open("response"), close("response"), close("message"), "<|end_of_msg|>"];
const REASONING = { open: open("think"), close: close("think"), isDefault: true };

const markup = markupFormat({
  ...MARKUP,
  name: "kimi-k3",
  matches: (template) => template.includes("<|end_of_msg|>"),
});

/** Kimi K3: all parts, also text and reasoning, are between tags of control tokens. */
export const kimiK3: ToolFormat = {
  ...markup,
  markers: [...markup.markers, ...FRAMES, REASONING.open, REASONING.close],
  reasoning: REASONING,
  framesAnswer: true,
  frame: (content) => `${quoted(open("response"))} ${content} ${quoted(close("response"))}`,
  *parse(reader, output, context) {
    yield* readReasoning(reader, output, REASONING, context.opensReasoning);
    yield* readSections(
      reader,
      output,
      [MARKUP.open],
      [MARKUP.close, ...FRAMES],
      () => readMarkupCalls(reader, output, MARKUP, context),
    );
  },
};
