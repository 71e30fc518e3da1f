import { assertEquals } from "@std/assert";
import { hrefOf, parseHash } from "./hash.ts";

Deno.test("a hash is a page and the rest", () => {
  assertEquals(parseHash(""), { page: "", rest: "" });
  assertEquals(parseHash("#/chat"), { page: "chat", rest: "" });
  assertEquals(parseHash("#/models/owner%2Fname%20x"), { page: "models", rest: "owner/name x" });
  assertEquals(parseHash("#/chat/%E0%A4%A"), { page: "chat", rest: "" });
});

Deno.test("a link leads back to its route", () => {
  for (const rest of ["", "a", "a/b c", "100 %", "ü#?"]) {
    assertEquals(parseHash(hrefOf("models", rest)), { page: "models", rest });
  }
});
