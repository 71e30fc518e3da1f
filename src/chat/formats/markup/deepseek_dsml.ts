import type { ToolFormat } from "../shared/format.ts";
import { markupFormat } from "../shared/markup.ts";

const TAG = "｜DSML｜";

/** DeepSeek V3.2 and V4: DSML tags with an attribute that marks string arguments. */
function dsml(name: string, block: string): ToolFormat {
  return markupFormat({
    name,
    matches: (template) => template.includes("DSML") && template.includes(block),
    open: `<${TAG}${block}>`,
    close: `</${TAG}${block}>`,
    call: `<${TAG}invoke name="`,
    callNameEnd: '">',
    callClose: `</${TAG}invoke>`,
    argument: `<${TAG}parameter name="`,
    argumentNameEnd: '"',
    valueOpen: ">",
    argumentClose: `</${TAG}parameter>`,
    attributes: (type) => ` string="${type === "string"}"`,
    lines: false,
    space: "\n",
  });
}

export const deepseekV32: ToolFormat = dsml("deepseek-v3.2", "function_calls");
export const deepseekV4: ToolFormat = dsml("deepseek-v4", "tool_calls");
