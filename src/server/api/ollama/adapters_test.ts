import { assertEquals } from "@std/assert";
import { serverDouble } from "../../../../tests/doubles/server.ts";
import { ollamaRoutes } from "./mod.ts";

Deno.test("a name with an adapter's is answered, embedded, shown and listed with it", async () => {
  const { send, engine } = serverDouble({ routes: ollamaRoutes });
  const ask = (model: string) =>
    send("POST", "/api/chat", {
      model,
      messages: [{ role: "user", content: "Hello" }],
      stream: false,
    });
  assertEquals((await (await ask("double:pirate")).json()).model, "double:pirate");
  assertEquals(engine.requests[0]!.loras, [
    { name: "pirate", scale: 1, path: "/models/pirate.gguf" },
  ]);
  const shown = await (await send("POST", "/api/show", { model: "double:pirate" })).json();
  assertEquals(shown.modelfile, "FROM double:latest\nADAPTER pirate\n");
  assertEquals(shown.details.parent_model, "double:latest");
  const { models } = await (await send("GET", "/api/tags")).json();
  assertEquals(models.map(({ name }: { name: string }) => name), [
    "double:latest",
    "double:pirate",
  ]);
  assertEquals(new Set(models.map(({ digest }: { digest: string }) => digest)).size, 2);
  const embedded = await send("POST", "/api/embed", { model: "double:pirate", input: "a" });
  assertEquals(embedded.status, 200);
  assertEquals(engine.embedded[0]!.loras, engine.requests[0]!.loras);
  assertEquals((await ask("double:nobody")).status, 404);
});
