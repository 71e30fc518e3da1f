import { assertEquals } from "@std/assert";
import { serverDouble } from "../../../../../tests/doubles/server.ts";
import { openaiRoutes } from "../mod.ts";

async function stored(input: unknown) {
  const server = serverDouble({ routes: openaiRoutes });
  const response = await (await server.request("/v1/responses", { input })).json();
  return { ...server, response, path: `/v1/responses/${response.id}` };
}

Deno.test("a stored response can be read again until it is deleted", async () => {
  const { request, response, path } = await stored("Hello");
  assertEquals(await (await request(path)).json(), response);
  const deleted = await request(path, undefined, { method: "DELETE" });
  assertEquals(await deleted.json(), { id: response.id, object: "response", deleted: true });
  const gone = await request(path);
  assertEquals(gone.status, 404);
  assertEquals((await gone.json()).error.code, "not_found");
});

Deno.test("the items of a request are listed newest first, a page at a time", async () => {
  const { request, path } = await stored([
    { role: "user", content: "One" },
    { role: "assistant", content: "Two" },
    { role: "user", content: [{ type: "input_text", text: "Three" }] },
  ]);
  const texts = (page: { data: { content: { text: string }[] }[] }) =>
    page.data.map(({ content }) => content[0]!.text);
  const first = await (await request(`${path}/input_items?limit=2`)).json();
  assertEquals(texts(first), ["Three", "Two"]);
  assertEquals(first.has_more, true);
  assertEquals(first.data[0].type, "message");
  const rest = await (await request(`${path}/input_items?limit=2&after=${first.last_id}`)).json();
  assertEquals(texts(rest), ["One"]);
  assertEquals(rest.has_more, false);
  const ascending = await (await request(`${path}/input_items?order=asc`)).json();
  assertEquals(texts(ascending), ["One", "Two", "Three"]);
});

Deno.test("an unsupported query parameter is refused by name", async () => {
  const { request, path } = await stored("Hello");
  const response = await request(`${path}?stream=true`);
  assertEquals(response.status, 400);
  assertEquals((await response.json()).error.param, "stream");
  assertEquals((await (await request(`${path}/input_items?limit=0`)).json()).error.param, "limit");
});
