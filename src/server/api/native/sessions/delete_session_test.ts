import { assertEquals } from "@std/assert";
import { KeysDouble } from "../../../../../tests/doubles/keys.ts";
import { serverDouble } from "../../../../../tests/doubles/server.ts";

Deno.test("a session is deleted by its name, and one that does not exist is told", async () => {
  const { engine, send } = serverDouble();
  engine.sessions.add("a talk/1");
  const remove = async (name: string) => {
    const response = await send("DELETE", `/api/sessions/${encodeURIComponent(name)}`);
    return [response.status, await response.json()];
  };
  assertEquals(await remove("a talk/1"), [200, { name: "a talk/1", deleted: true }]);
  assertEquals(await remove("a talk/1"), [404, { error: "Session 'a talk/1' not found" }]);
});

Deno.test("a session belongs to the key that made it", async () => {
  await using keys = await KeysDouble.create();
  const { engine, send } = serverDouble({
    context: { keyring: keys.keyring },
    settings: { apiKey: "full" },
  });
  const [one, other] = [await keys.issue({}), await keys.issue({})];
  const ask = async (key: string, path: string, body: unknown) => {
    const response = await send("POST", path, body, { "x-api-key": key });
    await response.body?.cancel();
    assertEquals(response.status, 200);
    return engine.requests.at(-1)!.session;
  };
  const messages = [{ role: "user", content: "Hi" }];
  const names: (string | undefined)[] = [];
  for (const key of [one.token, other.token, "full"]) {
    names.push(await ask(key, "/v1/chat/completions", { messages, session: "talk" }));
    assertEquals(await ask(key, "/api/generate", { prompt: "x", session: "talk" }), names.at(-1));
  }
  assertEquals(new Set(names).size, 3);
  assertEquals(names[2], "talk");
  engine.sessions.add(names[0]!);
  const remove = async (key: string) => {
    const response = await send("DELETE", "/api/sessions/talk", undefined, { "x-api-key": key });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await Promise.all([other.token, "full"].map(remove)), [404, 404]);
  assertEquals(await remove(one.token), 200);
});

Deno.test("a saved slot is deleted by keys that may save one", async () => {
  await using keys = await KeysDouble.create();
  const { engine, send } = serverDouble({
    context: { keyring: keys.keyring },
    settings: { apiKey: "full" },
  });
  const admin = await keys.issue({ scopes: ["chat", "admin"] });
  const chat = await keys.issue({});
  const remove = async (key: string) => {
    const headers = { "x-api-key": key };
    const response = await send("DELETE", "/api/sessions/slot:notes.bin", undefined, headers);
    await response.body?.cancel();
    return response.status;
  };
  for (const key of [admin.token, "full"]) {
    engine.sessions.add("slot:notes.bin");
    assertEquals(await remove(chat.token), 404);
    assertEquals([await remove(key), await remove(key)], [200, 404]);
  }
});
