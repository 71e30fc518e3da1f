import type { ToolFormat } from "../shared/format.ts";
import { markupFormat } from "../shared/markup.ts";

/** Qwen 3 Coder and 3.5, Nemotron 3 Nano, Step 3.5: tags with names after an equals sign. */
export const qwen3Coder: ToolFormat = markupFormat({
  name: "qwen3-coder",
  matches: (template) => template.includes("<function=") && template.includes("<parameter="),
  open: "<tool_call>",
  close: "</tool_call>",
  call: "<function=",
  callNameEnd: ">",
  callClose: "</function>",
  argument: "<parameter=",
  argumentNameEnd: ">",
  valueOpen: "",
  argumentClose: "</parameter>",
  lines: true,
  space: "\n",
});
