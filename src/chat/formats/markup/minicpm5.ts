import type { ToolFormat } from "../shared/format.ts";
import { markupFormat } from "../shared/markup.ts";

/** MiniCPM 5: `<function name="...">` with `<param name="...">` inside. */
export const minicpm5: ToolFormat = markupFormat({
  name: "minicpm5",
  matches: (template) => template.includes('<function name="') && template.includes("<param name"),
  open: "",
  close: "",
  call: '<function name="',
  callNameEnd: '">',
  callClose: "</function>",
  argument: '<param name="',
  argumentNameEnd: '">',
  valueOpen: "",
  argumentClose: "</param>",
  characterData: true,
  lines: false,
  space: "",
});
