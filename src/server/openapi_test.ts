import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serverDouble } from "../../tests/doubles/server.ts";
import { describedRoutes, lazyRoute } from "./http/lazy_route.ts";
import type { Exchange } from "./http/route.ts";
import { openApiRoute } from "./openapi_route.ts";
import { allRoutes } from "./routes.ts";

// deno-lint-ignore no-explicit-any
type Document = Record<string, any>;

async function fetchDocument(): Promise<Document> {
  const response = await serverDouble({ settings: { ui: true } }).request("/openapi.json");
  assertEquals(response.headers.get("content-type"), "application/json");
  return await response.json();
}

/** Every object anywhere in a value. */
function* objectsOf(value: unknown): Generator<Document> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value;
  for (const inner of Object.values(value)) yield* objectsOf(inner);
}

Deno.test("every route is described, with its body and its path's names", async () => {
  const { openapi, info, paths } = await fetchDocument();
  assertEquals(openapi, "3.1.1");
  assertEquals(info.version, "1.2.3");
  for (const { method, path, body, query, summary } of await describedRoutes(allRoutes)) {
    const operation = paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
    assertEquals(operation?.summary, summary, `${method} ${path}`);
    assertEquals(operation.requestBody !== undefined, body !== undefined, path);
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    assertEquals(
      (operation.parameters ?? []).flatMap(({ name }: Document) => name ?? []),
      [...names, ...Object.keys(query ?? {})],
    );
  }
  assert(paths["/openapi.json"].get);
});

Deno.test("a document that could not be created is created at the next request", async () => {
  let loads = 0;
  const { handle: _, load: __, ...head } = openApiRoute([], "1.2.3");
  const route = lazyRoute({ ...head, path: "/other" }, () => {
    if (++loads === 1) throw new TypeError("Module not found");
    return Promise.resolve({ handle: () => new Response() });
  });
  const { handle } = openApiRoute([route], "1.2.3");
  const exchange = { request: new Request("http://localhost/openapi.json") } as Exchange;
  await assertRejects(async () => await handle(exchange), TypeError, "Module not found");
  const { paths } = await (await handle(exchange)).json();
  assertEquals([Object.keys(paths), loads], [["/other"], 2]);
});

Deno.test("the document is not sent again to clients that have it", async () => {
  const { send } = serverDouble();
  const first = await send("GET", "/openapi.json");
  await first.body?.cancel();
  const etag = first.headers.get("etag")!;
  assertMatch(etag, /^"[\w+/-]+"$/);
  const again = await send("GET", "/openapi.json", undefined, {
    "if-none-match": `"x", W/${etag}`,
  });
  assertEquals([again.status, again.body, again.headers.get("etag")], [304, null, etag]);
  const changed = await send("GET", "/openapi.json", undefined, { "if-none-match": '"x"' });
  assertEquals(changed.status, 200);
  await changed.body?.cancel();
});

Deno.test("operation ids are unique and references lead somewhere", async () => {
  const document = await fetchDocument();
  const ids = [...objectsOf(document.paths)].map(({ operationId }) => operationId)
    .filter((id) => typeof id === "string");
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(ids.length, allRoutes.length + 1);
  let references = 0;
  for (const { $ref } of objectsOf(document)) {
    if (typeof $ref !== "string") continue;
    references++;
    const steps = $ref.replace(/^#\//, "").split("/");
    assert(steps.reduce((at: Document | undefined, step) => at?.[step], document), $ref);
  }
  assert(references > allRoutes.length);
});

Deno.test("the ways to authenticate, stream and fail are described", async () => {
  const { components, paths } = await fetchDocument();
  assertEquals(Object.keys(components.securitySchemes), ["bearer", "xApiKey", "apiKey"]);
  const generate = paths["/api/generate"].post;
  assertEquals(Object.keys(generate.responses["200"].content), [
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
  ]);
  const schema = generate.requestBody.content["application/json"].schema;
  assertEquals(schema.additionalProperties, false);
  assert(schema.properties.dry_multiplier);
  assertEquals(generate.parameters, [{ $ref: "#/components/parameters/receipt" }]);
  assertEquals(schema.properties.receipt.type, ["boolean", "null"]);
  assertEquals(generate["x-shimmy-scope"], "chat");
  assertEquals(paths["/api/lora"].get.parameters.length, 1);
  assertEquals(paths["/api/models/{name}/unload"].post["x-shimmy-scope"], "admin");
  assertEquals(paths["/health"].get.security, []);
  assertEquals(Object.keys(paths["/ws/generate"].get.responses)[0], "101");
  const failure = components.responses.native404.content["application/json"];
  assertEquals(failure.example, { error: "There is no such model or route" });
});

Deno.test("routes that ignore fields describe the headers about it and accept any value", async () => {
  const { components, paths } = await fetchDocument();
  for (const path of ["/v1/chat/completions", "/v1/messages", "/api/chat", "/tokenize"]) {
    const { parameters, responses } = paths[path].post;
    const wanted = path === "/tokenize" ? ["strict"] : ["strict", "receipt"];
    const refs = wanted.map((name) => ({ $ref: `#/components/parameters/${name}` }));
    assertEquals(parameters, refs, path);
    assertEquals(Object.keys(responses["200"].headers), ["x-shimmy-ignored"], path);
  }
  assertEquals(components.parameters.strict.name, "x-shimmy-strict");
  const { schema } = paths["/v1/chat/completions"].post.requestBody.content["application/json"];
  assertEquals(schema.additionalProperties, undefined);
  assertEquals(schema.properties.service_tier, { description: "Ignored: there is one tier" });
  assertEquals(schema.properties.prediction, {
    description: "Ignored: the answer is the same without a prediction",
  });
  assertEquals(schema.properties.modalities.type, undefined);
  assert(JSON.stringify(schema.properties.modalities).includes('"text"'));
});

Deno.test("the document has the statuses, bodies and tuples that the server has", async () => {
  const document = await fetchDocument();
  const { paths } = document;
  assertEquals("426" in paths["/ws/generate"]["get"].responses, true);
  assertEquals("501" in paths["/ollama/api/push"]["post"].responses, true);
  assertEquals("408" in paths["/v1/chat/completions"]["post"].responses, true);
  assertEquals(paths["/api/models/{name}/load"]["post"].requestBody!.required, false);
  assertEquals(paths["/v1/chat/completions"]["post"].requestBody!.required, true);
  const lists: unknown[] = [];
  JSON.stringify(document, (key, value) => {
    if (key === "prefixItems" || (key === "items" && Array.isArray(value))) lists.push(value);
    return value;
  });
  assertEquals(lists, []);
});
