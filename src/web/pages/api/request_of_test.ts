import { assertEquals } from "@std/assert";
import type { Parameter } from "./openapi.ts";
import { headersOf, pathOf } from "./request_of.ts";

const parameters: readonly Parameter[] = [
  { name: "name", in: "path", required: true },
  { name: "model", in: "query" },
  { name: "limit", in: "query" },
  { name: "x-strict", in: "header" },
];

Deno.test("values go into the path, the query and the headers; empty ones are left out", () => {
  const operation = { path: "/api/models/{name}/plan", parameters };
  const values = { name: "a/b c", model: "x&y", limit: "", "x-strict": "1" };
  assertEquals(pathOf(operation, values), "/api/models/a%2Fb%20c/plan?model=x%26y");
  assertEquals(headersOf(operation, values), { "x-strict": "1" });
  assertEquals(headersOf(operation, {}), {});
});
