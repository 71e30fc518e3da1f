import { assertEquals } from "@std/assert";
import { TOOLS } from "../../scripts/goldens/conversations.ts";
import type { ToolCall } from "../../src/chat/conversation/conversation.ts";
import {
  type ChatInput,
  renderChat,
  type RenderedChat,
  renderText,
} from "../../src/chat/prompt/prompt.ts";
import type { ModelInfo } from "../../src/engine/protocol/mod.ts";
import { EngineDouble } from "../doubles/engine.ts";
import { parseAnswer } from "../doubles/parsed.ts";
import { chatInput } from "../support/chat_request.ts";
import { pinnedTemplates } from "./pinned.ts";

const { templates, missing } = await pinnedTemplates();

const CALLS: readonly ToolCall[] = [
  { id: "call00001", name: "get_weather", arguments: '{"city": "Par\\"is\\n<b>", "days": 2}' },
  { id: "call00002", name: "get_time", arguments: '{"zone": "UTC"}' },
];

/** Text that templates write after the calls, at the end of the model's generation. */
const AFTER_CALLS =
  /<\|im_end\|>|<\|(?:eot|eom)_id\|>|<seed:eos>|<\|END_OF_TURN_TOKEN\|>|<｜end▁of▁sentence｜>|<｜hy_eos|<end_of_turn>|<\|end_of_text\|>|<\|end\|>\n|<end_of_sentence>|\[e~\[|<\|eot\|>|<SPECIAL_12>|<\|end_of_msg\|>|<turn\|>|<\|tool_response>|<\|role_end\|>|<\/assistant>|<\|assistant_end\|>|<\|observation\|>|<sep>|<\|(?:user|assistant)\|>|<\|START_OF_TURN_TOKEN\|><\|SYSTEM|<\|message_sep\|>\n\nfunction result|<\|start\|>functions|\[Result\]|<\/s>|<\|assistant_start\|>|\n\nUser: |\n\nAssistant: /;

function chat(messages: ChatInput["messages"]): ChatInput {
  return chatInput({ messages, tools: TOOLS });
}

const question = { role: "user", content: "Question" } as const;

/** The model output for which the template shows these calls in the history. */
async function answerOf(
  info: ModelInfo,
  prompt: RenderedChat,
  calls: readonly ToolCall[],
): Promise<string> {
  const begun = prompt.parts.map((part) => "text" in part ? part.text : "").join("");
  const history = await renderText(
    info,
    chat([
      question,
      { role: "assistant", content: "", toolCalls: calls },
      { role: "tool", content: "Result", name: calls[0]!.name, toolCallId: calls[0]!.id },
    ]),
  );
  const { open, close } = prompt.reasoning;
  const opened = prompt.opensReasoning ? begun.slice(0, begun.lastIndexOf(open)) : begun;
  let common = 0;
  while (common < opened.length && opened[common] === history[common]) common++;
  let answer = history.slice(common).replace(/^<\|START_OF_TURN_TOKEN\|><\|CHATBOT_TOKEN\|>/, "")
    .replace(/^CHATBOT_TOKEN\|>/, "");
  const end = AFTER_CALLS.exec(answer);
  if (end !== null) answer = answer.slice(0, end.index);
  if (!prompt.opensReasoning) return answer;
  if (answer.startsWith(open)) answer = answer.slice(open.length);
  return answer.includes(close) ? answer : close + answer;
}

for (const { name, source } of templates) {
  Deno.test(`calls written by ${name} are parsed`, async () => {
    const { info } = new EngineDouble({
      info: { chatTemplate: source, bosText: "<s>", eosText: "</s>" },
    });
    const prompt = await renderChat(info, chat([question]));
    // Templates that accept one call per message show the second call in a message of its own.
    for (const calls of [CALLS.slice(0, 1), CALLS.slice(1)]) {
      const answer = await answerOf(info, prompt, calls);
      for (const size of [1, 4, answer.length]) {
        assertEquals(
          parseAnswer(prompt, answer, size),
          {
            text: "",
            reasoning: "",
            calls: calls.map((call) => ({
              name: call.name,
              arguments: JSON.parse(call.arguments),
            })),
          },
          JSON.stringify(answer),
        );
      }
    }
  });
}

Deno.test({
  name: `calls that real templates write are read back${missing}`,
  ignore: missing !== "",
  fn: () => assertEquals(templates.length > 0, true),
});
