import type { Message, Tool, ToolCall } from "../../src/chat/conversation/conversation.ts";

/** A conversation that every template renders. */
export interface Conversation {
  readonly name: string;
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
}

export const TOOLS: readonly Tool[] = [
  {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", description: "Name of the city" },
        days: { type: "integer", description: "How many days ahead" },
      },
      required: ["city"],
    },
  },
  {
    name: "get_time",
    description: "The time in a zone.",
    parameters: {
      type: "object",
      properties: { zone: { type: "string", enum: ["UTC", "CET"], description: "The zone" } },
      required: ["zone"],
    },
  },
];

/** Nine letters and digits, which every template accepts. */
export const CALL: ToolCall = {
  id: "call00001",
  name: "get_weather",
  arguments: '{"city": "Paris", "days": 2}',
};

const system: Message = { role: "system", content: "You are a careful assistant." };
const question: Message = { role: "user", content: "What is the weather in Paris?" };

export const CONVERSATIONS: readonly Conversation[] = [
  {
    name: "plain",
    messages: [{ role: "user", content: "Hello there, 1 < 2!" }],
    tools: [],
  },
  { name: "system", messages: [system, { role: "user", content: "Hello" }], tools: [] },
  {
    name: "multi-turn",
    messages: [
      system,
      { role: "user", content: "My name is Ann." },
      { role: "assistant", content: "Hello Ann." },
      { role: "user", content: "What is my name?" },
      { role: "assistant", content: "Ann, as you said." },
      { role: "user", content: "Thanks, 再见 👋" },
    ],
    tools: [],
  },
  { name: "tools", messages: [system, question], tools: TOOLS },
  {
    name: "tool results",
    messages: [
      question,
      { role: "assistant", content: "", toolCalls: [CALL] },
      {
        role: "tool",
        content: '{"sky": "sunny", "degrees": 21.5}',
        name: "get_weather",
        toolCallId: CALL.id,
      },
    ],
    tools: TOOLS,
  },
];

/** The body of a request to llama.cpp's `/apply-template` for a conversation. */
export function openAiBody({ messages, tools }: Conversation): Record<string, unknown> {
  return {
    messages: messages.map((message) => ({
      role: message.role,
      content: message.content,
      ...(message.name === undefined ? {} : { name: message.name }),
      ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }),
      ...(message.toolCalls === undefined ? {} : {
        tool_calls: message.toolCalls.map((call) => ({
          id: call.id,
          type: "function",
          function: { name: call.name, arguments: call.arguments },
        })),
      }),
    })),
    ...(tools.length === 0
      ? {}
      : { tools: tools.map((tool) => ({ type: "function", function: tool })) }),
  };
}
