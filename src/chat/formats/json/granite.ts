import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** Granite 3: `<|tool_call|>` and a JSON list. Granite 4 uses Hermes. */
export const granite: ToolFormat = jsonSections({
  name: "granite",
  matches: (template) =>
    template.includes("<|start_of_role|>") && template.includes("<|tool_call|>"),
  open: "<|tool_call|>",
  close: "",
  shape: "list",
  between: ", ",
});
