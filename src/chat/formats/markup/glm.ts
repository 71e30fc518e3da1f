import type { ToolFormat } from "../shared/format.ts";
import { markupFormat } from "../shared/markup.ts";

/** The name, then pairs of `arg_key` and `arg_value`. All tags have the same suffix. */
function argumentPairs(
  name: string,
  ending: string,
  around: string,
  matches: ToolFormat["matches"],
): ToolFormat {
  return markupFormat({
    name,
    matches,
    open: around === "" ? "" : `<${around}${ending}>`,
    close: around === "" ? "" : `</${around}${ending}>`,
    call: `<tool_call${ending}>`,
    callNameEnd: "",
    callClose: `</tool_call${ending}>`,
    argument: `<arg_key${ending}>`,
    argumentNameEnd: `</arg_key${ending}>`,
    valueOpen: `<arg_value${ending}>`,
    argumentClose: `</arg_value${ending}>`,
    lines: false,
    space: "\n",
  });
}

/** GLM 4.5 to 4.7, Ling 3, Laguna, Spark 2.5. */
export const glm: ToolFormat = argumentPairs(
  "glm",
  "",
  "",
  (template) => template.includes("<arg_key>"),
);

/** Hunyuan 3: all tags end with the name of an edition. */
export const hunyuan: ToolFormat = {
  ...argumentPairs(
    "hunyuan",
    ":opensource",
    "tool_calls",
    (template) => template.includes("<arg_key{}>"),
  ),
  reasoning: { open: "<think:opensource>", close: "</think:opensource>", isDefault: true },
};
