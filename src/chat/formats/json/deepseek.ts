import { anyOf, quoted } from "../shared/gbnf.ts";
import type { EventBuffer, IncrementalParser, Reader } from "../../stream/mod.ts";
import { argumentsText, type ToolFormat } from "../shared/format.ts";
import { readSections } from "../shared/sections.ts";

const OPEN = "<｜tool▁calls▁begin｜>";
const CLOSE = "<｜tool▁calls▁end｜>";
const CALL = "<｜tool▁call▁begin｜>";
const SEPARATOR = "<｜tool▁sep｜>";
const CALL_END = "<｜tool▁call▁end｜>";

function* readCalls(reader: Reader, output: EventBuffer): IncrementalParser<boolean> {
  for (let calls = 0;; calls++) {
    yield* reader.space();
    if (!(yield* reader.literal(CALL))) {
      yield* reader.literal(CLOSE);
      return calls > 0;
    }
    output.startCall();
    const head = (yield* reader.textUntil(SEPARATOR)).text.trim();
    // R1 and V3 write the kind of call first, V3.1 writes the name.
    const name = head === "function" ? (yield* reader.textUntil("\n")).text.trim() : head;
    if (reader.isCut) return calls > 0;
    output.toolCall(name);
    yield* reader.run(/[^{<]/);
    yield* reader.json((text) => output.toolArguments(text));
    yield* reader.until([CALL_END], () => {});
  }
}

const shared = {
  markers: [OPEN, CLOSE, CALL, SEPARATOR, CALL_END],
  parse: (reader: Reader, output: EventBuffer) =>
    readSections(reader, output, [OPEN], [CLOSE, CALL_END], () => readCalls(reader, output)),
  triggers: () => [OPEN],
};

/**
 * A DeepSeek format: `before` precedes the name, `between` separates name and arguments, `after`
 * follows them.
 */
function deepseek(
  name: string,
  matches: ToolFormat["matches"],
  { before, between, after, gap }: { before: string; between: string; after: string; gap: string },
): ToolFormat {
  return {
    ...shared,
    name,
    matches,
    write: (calls) =>
      OPEN + calls.map((call) => before + call.name + between + argumentsText(call) + after)
        .join(gap) +
      CLOSE,
    grammar(tools, rules, parallel) {
      const call = rules.add(
        "call",
        anyOf(
          tools.map((tool) =>
            `${quoted(before + tool.name + between)} ${rules.arguments(tool)} ${quoted(after)}`
          ),
        ),
      );
      const calls = parallel ? `${call} ( [\\n]? ${call} )*` : call;
      return `${quoted(OPEN)} ${calls} ${quoted(CLOSE)}`;
    },
  };
}

/** DeepSeek V3.1: `name<｜tool▁sep｜>{...}`. */
export const deepseekV31: ToolFormat = deepseek(
  "deepseek-v3.1",
  (template) => template.includes(OPEN) && !template.includes("```json"),
  { before: CALL, between: SEPARATOR, after: CALL_END, gap: "" },
);

/** DeepSeek V3, R1 and models distilled from it: arguments in a code block. */
export const deepseekR1: ToolFormat = deepseek(
  "deepseek-r1",
  (template) => template.includes("tool▁calls▁begin"),
  {
    before: `${CALL}function${SEPARATOR}`,
    between: "\n```json\n",
    after: `\n\`\`\`${CALL_END}`,
    gap: "\n",
  },
);
