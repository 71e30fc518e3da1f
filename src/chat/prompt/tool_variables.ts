import type { Tool } from "../conversation/mod.ts";

/** Tools for templates, in OpenAI's JSON. */
export function templateTools(tools: readonly Tool[]) {
  return tools.map(({ name, description = "", parameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
}

/** The template variables with the offered tools. */
export function toolVariables(
  tools: readonly Tool[],
  template: string,
): Record<string, unknown> {
  const list = templateTools(tools);
  const variables: Record<string, unknown> = {};
  // Firefunction expects text.
  if (/\bfunctions\b/.test(template) && !/\btools\b/.test(template)) {
    variables["functions"] = list.length === 0
      ? ""
      : JSON.stringify(list.map((tool) => tool.function), null, 4);
  }
  if (list.length === 0) return variables;
  // SmolLM3 distinguishes tools that are called by tags from those that are called in Python.
  if (template.includes("xml_tools")) variables["xml_tools"] = list;
  return { ...variables, tools: list };
}
