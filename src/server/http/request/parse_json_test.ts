import { assertEquals, assertRejects } from "@std/assert";
import { countingPreparer } from "../../../../tests/doubles/preparer.ts";
import { serverDouble } from "../../../../tests/doubles/server.ts";
import { ShimmyError } from "../../../errors.ts";
import { HttpError } from "../errors.ts";
import { parseJson } from "./parse_json.ts";

/** Above the size from which another thread parses. */
const LARGE = 2 * 2 ** 20;

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("a large text is parsed by the parser, and a small one here", async () => {
  const parser = countingPreparer();
  assertEquals(await parseJson(bytesOf('{"a":1}'), "body", parser), { a: 1 });
  assertEquals(parser.calls, []);
  const large = ["x".repeat(LARGE)];
  assertEquals(await parseJson(bytesOf(JSON.stringify(large)), "body", parser), large);
  assertEquals(parser.calls, ["json"]);
  assertEquals(await parseJson(bytesOf(JSON.stringify(large)), "body", undefined), large);
});

Deno.test("a large text with too many values is refused before it is parsed", async () => {
  const parser = countingPreparer();
  const text = bytesOf(`[${"{},".repeat(LARGE / 2)}1]`);
  const error = await assertRejects(() => parseJson(text, "body", parser), HttpError);
  assertEquals([error.status, parser.calls], [413, []]);
});

Deno.test("a large text that is not JSON is refused by name", async () => {
  const text = `["${"x".repeat(LARGE)}`;
  for (const parser of [countingPreparer(), undefined]) {
    const error = await assertRejects(
      () => parseJson(bytesOf(text), "body", parser),
      ShimmyError,
      "body: must be JSON in UTF-8",
    );
    assertEquals(error.field, "body");
  }
});

Deno.test("the large bodies of all APIs are parsed by the parser", async () => {
  const content = "x".repeat(LARGE);
  const messages = [{ role: "user", content }];
  const model = "double";
  const bodies = {
    "/v1/chat/completions": { messages },
    "/v1/completions": { prompt: content },
    "/v1/responses": { input: content },
    "/v1/embeddings": { input: content },
    "/v1/messages": { model, max_tokens: 1, messages },
    "/v1/messages/count_tokens": { model, messages },
    "/api/chat": { model, messages },
    "/api/generate": { model, prompt: content },
    "/api/embed": { model, input: content },
    "/completion": { prompt: content },
    "/tokenize": { content },
  };
  for (const [path, body] of Object.entries(bodies)) {
    const parser = countingPreparer();
    const server = serverDouble({
      engine: { info: { contextLength: 1 << 20 } },
      settings: { maxBodyBytes: 2 * LARGE },
      context: { parser },
    });
    const response = await server.request(path, body);
    await response.body?.cancel();
    assertEquals([path, parser.calls.filter((call) => call === "json")], [path, ["json"]]);
  }
});
