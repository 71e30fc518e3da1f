import type { Template } from "./jinja/template.ts";

/** What a chat template makes of the parts of a conversation, found out by rendering small ones. */
export interface TemplateTraits {
  /** Content must be a list of parts; a string is not rendered. */
  readonly contentParts: boolean;
  /** There is a place for system messages. */
  readonly systemRole: boolean;
  /** The tools that are offered are described. */
  readonly tools: boolean;
  /** Calls of the assistant are written. */
  readonly toolCalls: boolean;
  /** Answers of tools are written. */
  readonly toolResults: boolean;
  /** Arguments of a call must be an object and not its JSON text. */
  readonly objectArguments: boolean;
}

const known = new WeakMap<Template, TemplateTraits>();

/** The traits of a template; found out once for each. */
export function traitsOf(template: Template): TemplateTraits {
  let traits = known.get(template);
  if (traits === undefined) known.set(template, traits = probe(template));
  return traits;
}

const SYSTEM = "probe-system";
const USER = "probe-user";
const RESULT = "probe-result";
const DESCRIPTION = "probe-description";
const ARGUMENT = "probe-argument";

function probe(template: Template): TemplateTraits {
  const contentParts = needsParts(template);
  const content = (text: string) => contentParts ? [{ type: "text", text }] : text;
  const system = attempt(template, {
    messages: [
      { role: "system", content: content(SYSTEM) },
      { role: "user", content: content(USER) },
    ],
  });
  const objects = attempt(template, toolConversation(content, { probe: ARGUMENT }));
  const objectArguments = objects !== null && objects.includes(ARGUMENT) &&
    !objects.includes("[object");
  const tools = objectArguments
    ? objects
    : attempt(template, toolConversation(content, JSON.stringify({ probe: ARGUMENT })));
  return {
    contentParts,
    systemRole: system?.includes(SYSTEM) ?? false,
    tools: tools?.includes(DESCRIPTION) ?? false,
    toolCalls: tools?.includes(ARGUMENT) ?? false,
    toolResults: tools?.includes(RESULT) ?? false,
    objectArguments,
  };
}

function needsParts(template: Template): boolean {
  const rendered = (content: unknown) =>
    attempt(template, { messages: [{ role: "user", content }] })?.includes(USER) ?? false;
  return !rendered(USER) && rendered([{ type: "text", text: USER }]);
}

function toolConversation(content: (text: string) => unknown, callArguments: unknown) {
  const parameters = {
    type: "object",
    properties: { probe: { type: "string", description: "A word" } },
    required: ["probe"],
  };
  const call = {
    type: "function",
    function: { name: "probe_tool", arguments: callArguments },
    id: "call00001",
  };
  return {
    messages: [
      { role: "user", content: content(USER) },
      { role: "assistant", content: content(""), tool_calls: [call] },
      { role: "tool", content: content(RESULT), name: "probe_tool", tool_call_id: "call00001" },
      { role: "assistant", content: content("It is done") },
      { role: "user", content: content(USER) },
    ],
    tools: [{
      type: "function",
      function: { name: "probe_tool", description: DESCRIPTION, parameters },
    }],
  };
}

function attempt(template: Template, variables: Record<string, unknown>): string | null {
  try {
    return template.render({
      bos_token: "",
      eos_token: "",
      add_generation_prompt: true,
      tools: [],
      ...variables,
    });
  } catch {
    return null;
  }
}
