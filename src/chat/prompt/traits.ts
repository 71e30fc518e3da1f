import { adaptMessages } from "./adapt.ts";
import type { Tool } from "../conversation/mod.ts";
import { templateDefaults } from "./template_defaults.ts";
import type { Template } from "../jinja/mod.ts";
import { inParts, type TemplateMessage } from "./template_message.ts";
import { toolVariables } from "./tool_variables.ts";

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
  /** More than one call in a message are all written. */
  readonly parallelCalls: boolean;
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
const SECOND_ARGUMENT = "probe-second";

const TOOL: Tool = {
  name: "probe_tool",
  description: DESCRIPTION,
  parameters: {
    type: "object",
    properties: { probe: { type: "string", description: "A word" } },
    required: ["probe"],
  },
};

function probe(template: Template): TemplateTraits {
  const contentParts = needsParts(template);
  const render = (messages: readonly TemplateMessage[], tools: readonly Tool[] = []) =>
    attempt(template, messages, tools, contentParts) ?? "";
  const system = render([
    { role: "system", content: SYSTEM },
    { role: "user", content: USER },
  ]);
  const asObject = (probe: string) => ({ probe });
  const objects = render(toolConversation([asObject(ARGUMENT)]), [TOOL]);
  const objectArguments = objects.includes(ARGUMENT) && !objects.includes("[object");
  const argumentsOf = objectArguments
    ? asObject
    : (probe: string) => JSON.stringify(asObject(probe));
  const called = render(toolConversation([argumentsOf(ARGUMENT)]), [TOOL]);
  const twice = render(
    toolConversation([argumentsOf(ARGUMENT), argumentsOf(SECOND_ARGUMENT)]),
    [TOOL],
  );
  const offered = render([{ role: "user", content: USER }], [TOOL]);
  const toolCalls = called.includes(ARGUMENT);
  return {
    contentParts,
    systemRole: system.includes(SYSTEM),
    tools: offered.includes(DESCRIPTION),
    toolCalls,
    parallelCalls: !toolCalls || (twice.includes(ARGUMENT) && twice.includes(SECOND_ARGUMENT)),
    toolResults: called.includes(RESULT),
    objectArguments,
  };
}

function needsParts(template: Template): boolean {
  const rendered = (parts: boolean) =>
    attempt(template, [{ role: "user", content: USER }], [], parts)?.includes(USER) ?? false;
  return !rendered(false) && rendered(true);
}

function toolConversation(callArguments: readonly unknown[]): TemplateMessage[] {
  const id = (index: number) => `call0000${index}`;
  return [
    { role: "user", content: USER },
    {
      role: "assistant",
      content: "",
      tool_calls: callArguments.map((value, index) => ({
        type: "function",
        function: { name: TOOL.name, arguments: value },
        id: id(index),
      })),
    },
    ...callArguments.map((_, index) => ({
      role: "tool",
      content: RESULT,
      name: TOOL.name,
      tool_call_id: id(index),
    })),
    { role: "assistant", content: "It is done" },
    { role: "user", content: USER },
  ];
}

function attempt(
  template: Template,
  messages: readonly TemplateMessage[],
  tools: readonly Tool[],
  parts: boolean,
): string | null {
  const adapted = adaptMessages(messages, template.source, tools);
  try {
    return template.render({
      ...templateDefaults(),
      bos_token: "",
      eos_token: "",
      add_generation_prompt: true,
      ...toolVariables(tools, template.source),
      messages: parts ? inParts(adapted) : adapted,
    });
  } catch {
    return null;
  }
}
