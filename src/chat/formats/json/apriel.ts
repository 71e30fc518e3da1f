import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** Apriel: a JSON list between `<tool_calls>` and `</tool_calls>`, after the reasoning steps. */
export const apriel: ToolFormat = jsonSections({
  name: "apriel",
  matches: (template) => template.includes("<tool_calls>["),
  open: "<tool_calls>",
  close: "</tool_calls>",
  shape: "list",
  between: ", ",
  noise: ["[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"],
});
