import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** Phi 4 mini: a JSON list between `<|tool_call|>` and `<|/tool_call|>`. */
export const phi4: ToolFormat = jsonSections({
  name: "phi4",
  matches: (template) => template.includes("<|tool|>") && template.includes("<|/tool|>"),
  open: "<|tool_call|>",
  close: "<|/tool_call|>",
  shape: "list",
  between: ", ",
});
