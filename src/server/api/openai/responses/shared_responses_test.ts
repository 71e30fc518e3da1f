import { assertEquals, assertStringIncludes } from "@std/assert";
import { get, post, SETTINGS } from "../../../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../../../tests/doubles/engine.ts";
import { KeysDouble } from "../../../../../tests/doubles/keys.ts";
import { entryDouble, PoolDouble } from "../../../../../tests/doubles/pool.ts";
import { SharedStoreDouble } from "../../../../../tests/doubles/shared_store.ts";
import type { Keyring } from "../../../../access/mod.ts";
import { createHandler } from "../../../app.ts";

/** A server with the shared store. */
function server(shared?: SharedStoreDouble, keyring?: Keyring) {
  const engine = new EngineDouble();
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const handler = createHandler({
    ...{ pool, settings: SETTINGS },
    ...(shared === undefined ? {} : { shared }),
    ...(keyring === undefined ? {} : { keyring }),
  });
  return {
    engine,
    async create(body: Record<string, unknown>, headers: HeadersInit = {}) {
      const response = await handler(post("/v1/responses", { input: "Hi", ...body }, headers));
      return { status: response.status, body: await response.json() };
    },
    async request(method: "GET" | "DELETE", path: string, headers: HeadersInit = {}) {
      const { url } = get(`/v1/responses/${path}`);
      const response = await handler(new Request(url, { method, headers }));
      return { status: response.status, body: await response.json() };
    },
  };
}

Deno.test("a response of one server is continued, read and deleted on another", async () => {
  const store = new SharedStoreDouble();
  const [one, other] = [server(store), server(store)];
  const first = await one.create({ input: "My name is Ada." });
  const next = await other.create({ previous_response_id: first.body.id, input: "Who am I?" });
  assertEquals(next.status, 200);
  const prompt = JSON.stringify(other.engine.requests[0]!.prompt);
  assertStringIncludes(prompt, "My name is Ada.");
  assertEquals((await other.request("GET", first.body.id)).body, first.body);
  const items = await other.request("GET", `${first.body.id}/input_items`);
  assertEquals(items.body.data[0].content[0].text, "My name is Ada.");
  const counted = await one.request("GET", next.body.id);
  assertEquals(counted.status, 200);

  assertEquals((await other.request("DELETE", first.body.id)).status, 200);
  assertEquals((await one.request("GET", first.body.id)).status, 404);
  assertEquals((await one.create({ previous_response_id: first.body.id })).status, 400);
  // The later response has its whole conversation.
  assertEquals((await one.create({ previous_response_id: next.body.id })).status, 200);
});

Deno.test("without the store a server continues its own responses, and shares later ones", async () => {
  const store = new SharedStoreDouble();
  const [one, other] = [server(store), server(store)];
  store.isDown = true;
  const first = await one.create({});
  assertEquals((await one.create({ previous_response_id: first.body.id })).status, 200);
  assertEquals((await other.create({ previous_response_id: first.body.id })).status, 400);
  store.isDown = false;
  // It was never shared, so the store does not know of its end.
  const next = await one.create({ previous_response_id: first.body.id });
  assertEquals(next.status, 200);
  assertEquals((await other.create({ previous_response_id: next.body.id })).status, 200);
});

Deno.test("a response whose store was slow is deleted with that of the store", async () => {
  const store = new SharedStoreDouble();
  const [one, other] = [server(store), server(store)];
  store.isSlow = true;
  const { id } = (await one.create({})).body;
  store.isSlow = false;
  assertEquals((await one.request("GET", id)).status, 200);
  assertEquals((await other.request("DELETE", id)).status, 200);
  assertEquals((await one.request("GET", id)).status, 404);
});

Deno.test("a response is not deleted while the store cannot be reached", async () => {
  const store = new SharedStoreDouble();
  const [one, other] = [server(store), server(store)];
  const { id } = (await one.create({})).body;
  store.isDown = true;
  const refused = await one.request("DELETE", id);
  assertEquals(refused.status, 503);
  assertStringIncludes(refused.body.error.message, "the shared store cannot be reached");
  assertEquals((await one.request("GET", id)).status, 200);
  // The other server cannot know whether there is such a response.
  assertEquals((await other.request("DELETE", id)).status, 503);
  store.isDown = false;
  assertEquals((await other.request("DELETE", id)).status, 200);
  assertEquals((await one.request("GET", id)).status, 404);
});

Deno.test("a response that is not to be stored is not shared, and a shared one has a time", async () => {
  const store = new SharedStoreDouble();
  const one = server(store);
  await one.create({ store: false });
  assertEquals(store.texts.size, 0);
  const { body } = await one.create({});
  assertEquals([...store.seconds], [[`response:${body.id}`, 86_400]]);
});

Deno.test("a key reaches only its own responses on every server", async () => {
  const store = new SharedStoreDouble();
  await using keys = await KeysDouble.create();
  const [one, other] = [server(store, keys.keyring), server(store, keys.keyring)];
  const header = async () => ({ authorization: `Bearer ${(await keys.issue()).token}` });
  const [mine, theirs] = [await header(), await header()];
  const { id } = (await one.create({}, mine)).body;
  assertEquals((await other.request("GET", id, theirs)).status, 404);
  assertEquals((await other.request("DELETE", id, theirs)).status, 404);
  assertEquals((await other.request("GET", id, mine)).status, 200);
});

Deno.test("a text of another program is no response", async () => {
  const store = new SharedStoreDouble();
  const rest = { owner: null, input: [], conversation: [] };
  const texts = ["{", "null", "{}", JSON.stringify({ ...rest, response: { id: "resp_1" } })];
  for (const text of [...texts, JSON.stringify({ ...rest, response: { id: "x" }, size: 1 })]) {
    store.texts.set("response:resp_1", text);
    assertEquals((await server(store).request("GET", "resp_1")).status, 404, text);
  }
});

Deno.test("servers without a store know their own responses alone", async () => {
  const [one, other] = [server(), server()];
  const { id } = (await one.create({})).body;
  assertEquals((await one.request("GET", id)).status, 200);
  assertEquals((await other.request("GET", id)).status, 404);
});
