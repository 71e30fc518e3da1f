import { assertEquals } from "@std/assert";
import { SEAL, seal, unseal } from "./seal.ts";

function sealed(secret: string): Uint8Array<ArrayBuffer> {
  const object = new Uint8Array(10 + SEAL).fill(7);
  seal(object, secret);
  return object;
}

Deno.test("what was sealed with the same secret is opened, and nothing else", () => {
  for (const secret of ["", "a"]) {
    assertEquals(unseal(sealed(secret), secret), new Uint8Array(10).fill(7));
    assertEquals(unseal(sealed(secret), `${secret}b`), null);
    for (const at of [0, 9, 10, 9 + SEAL]) {
      const damaged = sealed(secret);
      damaged[at]! ^= 1;
      assertEquals(unseal(damaged, secret), null);
    }
  }
  assertEquals(unseal(sealed("a").subarray(0, -1), "a"), null);
  assertEquals(unseal(new Uint8Array(SEAL - 1), "a"), null);
});
