import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** GigaChat 3.1: `<|function_call|>` and a JSON object. */
export const gigachat31: ToolFormat = jsonSections({
  name: "gigachat-3.1",
  matches: (template) => template.includes("<|function_call|>"),
  open: "<|function_call|>",
  close: "",
  shape: "each",
  between: "",
});

/** GigaChat 3: a message with the role `function call` and a JSON object as content. */
export const gigachat3: ToolFormat = jsonSections({
  name: "gigachat-3",
  matches: (template) => template.includes("<|role_sep|>") && template.includes("function call"),
  open: "function call<|role_sep|>\n",
  close: "",
  shape: "each",
  between: "<|message_sep|>\n\n",
  noise: ["<|message_sep|>"],
});
