import { assertEquals } from "@std/assert";
import { findTools } from "./find_tools.ts";

const tool = (name: string, description = "", args: Record<string, string> = {}) => ({
  name,
  description,
  parameters: {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(args).map(([argument, about]) => [argument, { description: about }]),
    ),
  },
});

const TOOLS = [
  tool("getWeather", "Reports the weather.", { city: "Name of a place" }),
  tool("list_files", "Lists files."),
  tool("delete_file", "Deletes a file.", { path: "Path of the file" }),
];

Deno.test("a regular expression searches names, descriptions and arguments", () => {
  assertEquals(findTools("regex", "^list|PATH", TOOLS), { names: ["list_files", "delete_file"] });
  assertEquals(findTools("regex", "place", TOOLS), { names: ["getWeather"] });
  assertEquals(findTools("regex", "^nothing$", TOOLS), { names: [] });
});

Deno.test("words find the tool that shares the rarest ones first", () => {
  assertEquals(findTools("bm25", "delete the file at a path", TOOLS), {
    names: ["delete_file", "getWeather"],
  });
  assertEquals(findTools("bm25", "weather", TOOLS), { names: ["getWeather"] });
  assertEquals(findTools("bm25", "!?", TOOLS), { names: [] });
});

Deno.test("a search finds at most five tools", () => {
  const many = Array.from({ length: 9 }, (_, index) => tool(`tool_${index}`));
  for (const [kind, query] of [["regex", "tool"], ["bm25", "tool"]] as const) {
    assertEquals((findTools(kind, query, many) as { names: string[] }).names.length, 5);
  }
});

Deno.test("a query that is no text, is empty or too long is an error", () => {
  for (const query of [undefined, 7, " "]) {
    assertEquals(findTools("bm25", query, TOOLS), {
      error: "query: must be a text that is not empty",
    });
  }
  assertEquals(findTools("regex", "a".repeat(201), TOOLS), {
    error: "query: must have at most 200 characters, not 201",
  });
});
