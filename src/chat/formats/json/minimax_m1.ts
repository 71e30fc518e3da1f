import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** MiniMax M1: one JSON object per line between `<tool_calls>` and `</tool_calls>`. */
export const minimaxM1: ToolFormat = jsonSections({
  name: "minimax-m1",
  matches: (template) => template.includes("<tool_calls>") && template.includes("sentence>ai"),
  open: "<tool_calls>\n",
  close: "\n</tool_calls>",
  shape: "lines",
  between: "\n",
});
