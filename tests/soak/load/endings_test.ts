import { assertEquals } from "@std/assert";
import { events, json, lines, typedEvents } from "./endings.ts";

const complete = { is: "complete" } as const;
const error = (message: string) => ({ is: "error", message }) as const;

Deno.test("a stream of events is complete with its last event only", () => {
  assertEquals(events("data: a\n\ndata: [DONE]\n\n"), complete);
  assertEquals(events(": keep-alive\n\ndata: [DONE]\n\n: keep-alive\n\n"), complete);
  assertEquals(events("data: a\n\ndata: [DONE]").is, "broken");
  assertEquals(events("data: a\n\n").is, "broken");
  assertEquals(events("").is, "broken");
});

Deno.test("an error of any dialect ends a stream", () => {
  assertEquals(events('data: a\n\nevent: error\ndata: {"error":"x"}\n\n'), error("x"));
  assertEquals(events('data: {"error":{"message":"y"}}\n\n'), error("y"));
  const message = 'event: error\ndata: {"type":"error","error":{"message":"z"}}\n\n';
  assertEquals(typedEvents("message_stop")(message), error("z"));
  const failed = 'data: {"type":"response.failed","response":{"error":{"message":"w"}}}\n\n';
  assertEquals(typedEvents("response.completed")(failed), error("w"));
});

Deno.test("typed events end with one of the types", () => {
  const ending = typedEvents("response.completed", "response.incomplete");
  assertEquals(ending('data: {"type":"response.incomplete"}\n\n'), complete);
  assertEquals(ending('data: {"type":"response.created"}\n\n').is, "broken");
});

Deno.test("lines end with one that is done", () => {
  assertEquals(lines('{"token":"a"}\n{"done":true}\n'), complete);
  assertEquals(lines('{"token":"a"}\n{"error":"x"}\n'), error("x"));
  assertEquals(lines('{"token":"a"}\n').is, "broken");
  assertEquals(lines('{"token":"a"}\n{"done":tr').is, "broken");
});

Deno.test("an object is complete if it has what was asked for", () => {
  const ending = json(({ text }: { text: string }) => text.length > 0);
  assertEquals(ending('{"text":"a"}'), complete);
  assertEquals(ending('{"error":{"message":"x"}}'), error("x"));
  for (const body of ['{"text":""}', '{"tex', "null", ""]) assertEquals(ending(body).is, "broken");
});
