import { assertEquals } from "@std/assert";
import { preferredType } from "./negotiation.ts";

const TYPES = ["application/json", "text/event-stream", "application/x-ndjson"] as const;

const cases: readonly (readonly [accept: string | null, type: string | undefined])[] = [
  [null, "application/json"],
  ["*/*", "application/json"],
  ["application/*", "application/json"],
  ["text/event-stream", "text/event-stream"],
  ["text/*", "text/event-stream"],
  ["APPLICATION/X-NDJSON", "application/x-ndjson"],
  ["text/event-stream;q=0.5, application/x-ndjson", "application/x-ndjson"],
  ["text/event-stream, application/x-ndjson;q=0.5", "text/event-stream"],
  ["application/x-ndjson;q=0.1, application/json;q=0.2", "application/json"],
  ["application/x-ndjson;q=0, */*", "application/json"],
  ["text/event-stream, application/json", "application/json"],
  ["application/x-ndjson; charset=utf-8, */*;q=0.1", "application/json"],
  ["text/html", undefined],
  ["", "application/json"],
];

for (const [accept, type] of cases) {
  Deno.test(`Accept ${accept ?? "absent"} prefers ${type ?? "nothing"}`, async () => {
    const headers: HeadersInit = accept === null ? {} : { accept };
    assertEquals(await preferredType(new Request("http://x/", { headers }), TYPES), type);
  });
}
