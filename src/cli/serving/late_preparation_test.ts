import { assertEquals, assertRejects } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { LatePreparation } from "./late_preparation.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("requests are prepared by a pool that is created with the first one", async () => {
  using preparation = new LatePreparation();
  assertEquals(
    await Promise.all(["1", "[2]"].map((text) => preparation.json(bytes(text), "body"))),
    [1, [2]],
  );
  await preparation.warm();
  assertEquals(await preparation.json(bytes("3"), "body"), 3);
});

Deno.test("no pool is created after the end", async () => {
  const preparation = new LatePreparation();
  preparation[Symbol.dispose]();
  await preparation.warm();
  await assertRejects(() => preparation.json(bytes("1"), "body"), ShimmyError, "shutting down");
});
