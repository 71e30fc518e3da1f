import type { ToolFormat } from "../shared/format.ts";
import { markupFormat } from "../shared/markup.ts";

/**
 * Seed OSS: Qwen 3 Coder's tags inside `<seed:tool_call>`, values without surrounding newlines.
 */
export const seedOss: ToolFormat = markupFormat({
  name: "seed-oss",
  matches: (template) => template.includes("<seed:tool_call>"),
  open: "<seed:tool_call>",
  close: "</seed:tool_call>",
  call: "<function=",
  callNameEnd: ">",
  callClose: "</function>",
  argument: "<parameter=",
  argumentNameEnd: ">",
  valueOpen: "",
  argumentClose: "</parameter>",
  lines: false,
  space: "\n",
});
