import type { ToolFormat } from "./format.ts";
import { markupFormat } from "./shared/markup.ts";

/** The name and then pairs of `arg_key` and `arg_value`, all tags with the same ending. */
function argumentPairs(
  name: string,
  ending: string,
  space: string,
  matches: ToolFormat["matches"],
): ToolFormat {
  return markupFormat({
    name,
    matches,
    open: "",
    close: "",
    call: `<tool_call${ending}>`,
    callNameEnd: "",
    callClose: `</tool_call${ending}>`,
    argument: `<arg_key${ending}>`,
    argumentNameEnd: `</arg_key${ending}>`,
    valueOpen: `<arg_value${ending}>`,
    argumentClose: `</arg_value${ending}>`,
    lines: false,
    space,
  });
}

/** GLM 4.5 to 4.7, Ling 3, Laguna, Spark 2.5. */
export const glm: ToolFormat = argumentPairs(
  "glm",
  "",
  "\n",
  (template) => template.includes("<arg_key>"),
);

/** Hunyuan 3, whose tags all end in a name of the edition. */
export const hunyuan: ToolFormat = argumentPairs(
  "hunyuan",
  ":opensource",
  "\n",
  (template) => template.includes("<arg_key{}>"),
);
