import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** Nemotron Nano 2: a JSON list between `<TOOLCALL>` and `</TOOLCALL>`. */
export const nemotron: ToolFormat = jsonSections({
  name: "nemotron",
  matches: (template) => template.includes("<TOOLCALL>"),
  open: "<TOOLCALL>",
  close: "</TOOLCALL>",
  shape: "list",
  between: ", ",
});
