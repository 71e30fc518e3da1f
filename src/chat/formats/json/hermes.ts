import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/**
 * Hermes 2 Pro and 3, Qwen 2.5 and 3, Granite 4 and others: JSON between `<tool_call>` and
 * `</tool_call>`, one block per call.
 */
export const hermes: ToolFormat = jsonSections({
  name: "hermes",
  // SmolLM3's template lists the tools but does not contain the tags.
  matches: (template) => template.includes("<tool_call>") || template.includes("xml_tools"),
  open: "<tool_call>\n",
  close: "\n</tool_call>",
  shape: "each",
  between: "\n",
});
