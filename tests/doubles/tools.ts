import type { Tool } from "../../src/chat/mod.ts";

/** Tools with the types of parameters that formats write differently. */
export const tools: readonly Tool[] = [
  {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string" },
        days: { type: "integer" },
        exact: { type: "boolean" },
        places: { type: "array", items: { type: "string" } },
      },
      required: ["city"],
    },
  },
  {
    name: "get_time",
    parameters: { type: "object", properties: { zone: { type: "string" } } },
  },
];
