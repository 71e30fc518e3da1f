import { assertEquals } from "@std/assert";
import { capabilitiesOf } from "./capabilities.ts";

Deno.test("capabilities follow the kind of model and its template", () => {
  const of = (values: Partial<Parameters<typeof capabilitiesOf>[0]>) =>
    capabilitiesOf({ kind: "language", chatTemplate: null, ...values });
  assertEquals(of({}), ["completion", "tools"]);
  assertEquals(of({ chatTemplate: "{% if enable_thinking %}" }), [
    "completion",
    "tools",
    "thinking",
  ]);
  assertEquals(of({ kind: "embedding" }), ["embedding"]);
  assertEquals(of({ kind: "rerank" }), ["rerank"]);
});
