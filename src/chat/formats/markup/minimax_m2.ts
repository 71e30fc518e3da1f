import type { ToolFormat } from "../shared/format.ts";
import { markupFormat } from "../shared/markup.ts";

/** MiniMax M2: `<invoke>` and `<parameter>` inside `<minimax:tool_call>`. */
export const minimaxM2: ToolFormat = markupFormat({
  name: "minimax-m2",
  matches: (template) => template.includes("<minimax:tool_call>"),
  open: "<minimax:tool_call>",
  close: "</minimax:tool_call>",
  call: '<invoke name="',
  callNameEnd: '">',
  callClose: "</invoke>",
  argument: '<parameter name="',
  argumentNameEnd: '">',
  valueOpen: "",
  argumentClose: "</parameter>",
  lines: false,
  space: "\n",
});
