import { assertEquals, assertNotEquals } from "@std/assert";
import { strftime } from "../../src/chat/jinja/strftime.ts";
import { fingerprint } from "./templates.ts";

Deno.test("a fingerprint has the length in UTF-8 and the SHA-256 of a text", async () => {
  assertEquals(await fingerprint("abc"), {
    bytes: 3,
    // The example of FIPS 180-4.
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  });
  assertEquals((await fingerprint("é👋"))?.bytes, 6);
  assertEquals(await fingerprint(null), null);
});

Deno.test("a fingerprint is the same on every day, and another for another way to write it", async () => {
  const formats = ["%Y-%m-%d", "%d %b %Y", "%b %d %Y", "%B %d, %Y"];
  for (const format of formats) {
    const dated = await fingerprint(`Today: ${strftime(new Date(), format)}.`);
    assertEquals(dated, await fingerprint(`Today: ${format}.`));
    assertNotEquals(dated, await fingerprint(`Today: ${strftime(new Date(0), format)}.`));
  }
});
