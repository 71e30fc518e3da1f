import { assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../options/mod.ts";
import { openStore } from "./store.ts";

const LOG = { info: () => {}, warn: () => {} };

Deno.test("--store takes the URL of a store, and the error does not repeat it", async () => {
  const wrong = ["localhost:6379", "http://localhost", "redis:///1", "redis://a:se%cret@b", ""];
  // The client would use database 0, and take the parameter for an option of its own.
  wrong.push("redis://a/one", "redis://a/1/2", "redis://a?db=1", "redis://a#1");
  for (const given of wrong) {
    const { message } = await assertRejects(() => openStore(given, LOG), UsageError);
    const form = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] with a number as DATABASE";
    assertEquals(message, `--store: must be ${form}, or rediss:// for TLS`, given);
  }
});

Deno.test("a store that cannot be reached is told without its password", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const warnings: string[] = [];
  await using store = await openStore(`redis://user:secret@127.0.0.1:${port}`, {
    ...LOG,
    warn: (message) => void warnings.push(message),
  });
  assertEquals(await store.get("a"), undefined);
  assertEquals(warnings.length, 1);
  const [start] = warnings[0]!.split(" cannot be reached; this server goes on without it: ");
  assertEquals(start, `The store redis://127.0.0.1:${port}`);
  assertEquals(warnings[0]!.includes("secret"), false);
});
