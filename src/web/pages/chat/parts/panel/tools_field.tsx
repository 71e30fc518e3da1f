import { useSignal } from "@preact/signals";
import { change, current } from "../../state/mod.ts";

/** What is wrong with a list of tools; null: nothing. */
function problemOf(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    const tools: unknown = JSON.parse(text);
    if (!Array.isArray(tools)) return "The tools must be a JSON list.";
    const isTool = (tool: { function?: { name?: unknown } } | null) =>
      typeof tool?.function?.name === "string";
    return tools.every(isTool) ? null : "Each tool must have function.name.";
  } catch {
    return "The tools must be valid JSON.";
  }
}

/** The tools that the model may call. Only valid ones are kept. */
export function ToolsField() {
  const { id, tools } = current.value.value;
  const problem = useSignal<string | null>(null);
  return (
    <details open={tools !== ""}>
      <summary>Tools</summary>
      <label class="field">
        <span>JSON list in the form of OpenAI. You give the results.</span>
        <textarea
          rows={4}
          value={tools}
          spellcheck={false}
          aria-describedby="tools-problem"
          placeholder='[{"type": "function", "function": {"name": "weather"}}]'
          onChange={(event) => {
            const { value } = event.currentTarget;
            problem.value = problemOf(value);
            if (problem.value === null) change(id, (one) => ({ ...one, tools: value.trim() }));
          }}
        />
      </label>
      <p id="tools-problem" class="error" role="alert">{problem.value}</p>
    </details>
  );
}
