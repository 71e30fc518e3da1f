import type { ToolFormat } from "./shared/format.ts";
import { jsonSections } from "./shared/json_section.ts";

/**
 * Hermes 2 Pro and 3, Qwen 2.5 and 3, Granite 4 and many that followed: JSON between `<tool_call>` and
 * `</tool_call>`, one block a call.
 */
export const hermes: ToolFormat = jsonSections({
  name: "hermes",
  // SmolLM3 is told of the tools in its template and of the tags nowhere.
  matches: (template) => template.includes("<tool_call>") || template.includes("xml_tools"),
  open: "<tool_call>\n",
  close: "\n</tool_call>",
  shape: "each",
  between: "\n",
});
