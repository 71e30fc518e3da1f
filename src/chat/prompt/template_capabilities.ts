import { ShimmyError } from "../../errors.ts";
import { adaptMessages } from "./adapt_messages.ts";
import type { Tool } from "../conversation/mod.ts";
import { templateDefaults } from "./template_defaults.ts";
import { isTemplateBudgetError, type Template } from "../jinja/mod.ts";
import { inParts, type TemplateMessage } from "./template_message.ts";
import { toolVariables } from "./tool_variables.ts";

/** Capabilities of a chat template, detected by rendering small conversations. */
export interface TemplateCapabilities {
  /** Content must be a list of parts. A string is not rendered. */
  readonly contentParts: boolean;
  /** System messages are rendered. */
  readonly systemRole: boolean;
  /** Offered tools are rendered. */
  readonly tools: boolean;
  /** Calls of the assistant are rendered. */
  readonly toolCalls: boolean;
  /** All calls of a message are rendered. */
  readonly parallelCalls: boolean;
  /** Tool results are rendered. */
  readonly toolResults: boolean;
  /** Arguments of a call must be an object, not JSON text. */
  readonly objectArguments: boolean;
}

/** A template that exceeds its budget with small conversations: it can render none. */
export class UnusableTemplateError extends ShimmyError {
  constructor(readonly source: string, cause: ShimmyError) {
    super("invalid", cause.message, { field: "messages", cause });
  }
}

const cache = new WeakMap<Template, TemplateCapabilities>();

/**
 * The capabilities of a template, cached per template.
 *
 * @throws {UnusableTemplateError} If the template exceeds its budget.
 */
export function templateCapabilities(template: Template): TemplateCapabilities {
  let capabilities = cache.get(template);
  if (capabilities === undefined) cache.set(template, capabilities = probe(template));
  return capabilities;
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

function probe(template: Template): TemplateCapabilities {
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
  } catch (error) {
    // It would exceed its budget in every probe.
    if (isTemplateBudgetError(error)) throw new UnusableTemplateError(template.source, error);
    return null;
  }
}
