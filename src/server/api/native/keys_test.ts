import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KeysDouble } from "../../../../tests/doubles/keys.ts";
import { serverDouble } from "../../../../tests/doubles/server.ts";
import { FolderKeyStore, type KeyClaims } from "../../../access/mod.ts";

/** A server that requires keys, and requests to it with a key. */
function managed(keys: KeysDouble, apiKey: string | null = null) {
  const context = {
    keyring: keys.keyring,
    keys: new FolderKeyStore(keys.folder, () => keys.keyring.reload(), () => keys.now),
  };
  const { send } = serverDouble({ context, settings: { apiKey } });
  return async (method: string, path: string, key?: string, body?: unknown) => {
    const headers = key === undefined ? {} : { "x-api-key": key };
    const response = await send(method, path, body, headers);
    return { status: response.status, json: await response.json(), headers: response.headers };
  };
}

async function administrator(keys: KeysDouble, values: Partial<KeyClaims> = {}) {
  const { token } = await keys.issue({
    name: "ops",
    scopes: ["admin", "chat", "embed", "models:read"],
    ...values,
  });
  return token;
}

Deno.test("an administrator makes a key, which works at once, and revokes it", async () => {
  await using keys = await KeysDouble.create();
  const ask = managed(keys);
  const admin = await administrator(keys);
  const made = await ask("POST", "/api/keys", admin, {
    name: "laptop",
    scopes: ["models:read"],
    models: ["double*"],
    rate: "60/min",
    tokens: "1M/day",
  });
  assertEquals(made.status, 200);
  assertEquals(made.headers.get("cache-control"), "no-store");
  const { key, ...rights } = made.json;
  const { id } = rights;
  assertMatch(key, /^shimmy-[\w-]+\.[\w-]+$/);
  assertEquals(rights, {
    id,
    name: "laptop",
    created: "2023-11-14T22:13:20Z",
    expires: null,
    scopes: ["models:read"],
    models: ["double*"],
    rate: "60/min",
    tokens: "1M/day",
  });
  assertEquals((await ask("GET", "/v1/models", key)).status, 200);
  const shown = await ask("GET", `/api/keys/${id.toUpperCase()}`, admin);
  assertEquals([shown.json.state, shown.json.used_requests], ["valid", 0]);
  const listed = await ask("GET", "/api/keys", admin);
  assertEquals(listed.json.keys.map(({ name }: KeyClaims) => name), ["ops", "laptop"]);
  assertEquals(JSON.stringify(listed.json).includes(key), false);
  const revoked = await ask("DELETE", `/api/keys/${id}`, admin);
  assertEquals([revoked.status, revoked.json], [200, { id, state: "revoked" }]);
  assertEquals((await ask("GET", "/v1/models", key)).status, 401);
  assertEquals((await ask("GET", `/api/keys/${id}`, admin)).json.state, "revoked");
});

Deno.test("keys that are made at the same time are all in the list", async () => {
  await using keys = await KeysDouble.create();
  const ask = managed(keys, "full");
  const made = await Promise.all(
    Array.from(
      { length: 8 },
      (_, index) => ask("POST", "/api/keys", "full", { name: `n${index}` }),
    ),
  );
  assertEquals(made.map(({ status }) => status), Array(8).fill(200));
  assertEquals((await ask("GET", "/api/keys", "full")).json.keys.length, 8);
});

Deno.test("a key gives only rights that it has", async () => {
  await using keys = await KeysDouble.create();
  const ask = managed(keys);
  const admin = await administrator(keys, { expires: 2_000_000_000 });
  const create = (body: unknown) =>
    ask("POST", "/api/keys", admin, { name: "n", ...body as object });
  const more = await create({ scopes: ["chat", "metrics"] });
  assertEquals(more.status, 403);
  assertStringIncludes(more.json.error, "lacks the scope 'metrics' and may not give it");
  const longer = await create({ expires: "100y" });
  assertEquals(longer.status, 403);
  assertStringIncludes(longer.json.error, "expires after it");
  assertEquals((await create({})).json.expires, "2033-05-18T03:33:20Z");
});

Deno.test("a key with limits may not manage keys", async () => {
  await using keys = await KeysDouble.create();
  const ask = managed(keys);
  const limits: readonly Partial<KeyClaims>[] = [
    { models: ["double"] },
    { rate: { amount: 100, seconds: 60 } },
    { tokens: { amount: 100, seconds: 60 } },
  ];
  for (const limit of limits) {
    const key = await administrator(keys, limit);
    const requests = [
      ["GET", "/api/keys"],
      ["POST", "/api/keys", { name: "n" }],
      ["GET", "/api/keys/0123456789abcdef"],
      ["DELETE", "/api/keys/0123456789abcdef"],
    ] as const;
    for (const [method, path, body] of requests) {
      const { status, json } = await ask(method, path, key, body);
      assertEquals(status, 403, `${method} ${path}`);
      assertStringIncludes(json.error, `is limited in ${Object.keys(limit)[0]}`);
    }
  }
});

Deno.test("a server that requires no key does not make one, which would lock others out", async () => {
  await using keys = await KeysDouble.create({ required: false });
  const { status, json } = await managed(keys)("POST", "/api/keys", undefined, { name: "n" });
  assertEquals(status, 403);
  assertStringIncludes(json.error, "requires no keys");
  assertEquals(keys.keyring.isRequired, false);
  const withKey = managed(keys, "full");
  assertEquals((await withKey("GET", "/api/keys", "full")).json, { keys: [] });
  assertEquals((await withKey("POST", "/api/keys", "full", { name: "n" })).status, 200);
  assertEquals(keys.keyring.isRequired, true);
  const { send } = serverDouble({ settings: { apiKey: "full" } });
  const none = await send("GET", "/api/keys", undefined, { "x-api-key": "full" });
  assertStringIncludes((await none.json()).error, "no folder for keys");
});

Deno.test("wrong fields and unknown ids are refused by name", async () => {
  await using keys = await KeysDouble.create();
  const ask = managed(keys, "full");
  const cases: readonly (readonly [object, string])[] = [
    [{}, "name: is missing"],
    [{ name: " " }, "name: must not be empty"],
    [{ name: "x".repeat(101) }, "name: must have at most 100 characters"],
    [{ name: "n", scopes: [] }, "scopes: must be a list of some of chat"],
    [{ name: "n", scopes: ["root"] }, "scopes"],
    [{ name: "n", scopes: ["chat", "root"] }, "scopes[1]: must be one of chat, embed, models:read"],
    [{ name: "n", models: [""] }, "models[0]: must not be empty"],
    [{ name: "n", models: [] }, "models: must be a list of 1 to 100 patterns"],
    [{ name: "n", rate: "many" }, "rate: must be a number per time"],
    [{ name: "n", tokens: "0/day" }, "tokens: must be a number per time"],
    [{ name: "n", expires: "soon" }, "expires: must be a duration"],
    [{ name: "n", expires: "999999y" }, "expires: must be a duration"],
    [{ name: "n", admin: true }, "admin: is not a known field"],
  ];
  for (const [body, message] of cases) {
    const { status, json } = await ask("POST", "/api/keys", "full", body);
    assertEquals(status, 400, JSON.stringify(body));
    assertStringIncludes(json.error, message);
  }
  for (const id of ["x", "0123456789abcdef"]) {
    assertEquals((await ask("GET", `/api/keys/${id}`, "full")).status, 404);
  }
  assertEquals((await ask("DELETE", "/api/keys/x", "full")).status, 404);
  assertEquals((await ask("GET", "/api/keys", "full")).json.keys, []);
  // A key that is not in the list can be revoked: the list may have been lost.
  assertEquals((await ask("DELETE", "/api/keys/0123456789abcdef", "full")).status, 200);
});
