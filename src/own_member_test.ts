import { assertEquals } from "@std/assert";
import { ownMember } from "./own_member.ts";

Deno.test("a table has its own members and none of other objects", () => {
  const table = { a: 1 };
  assertEquals(ownMember(table, "a"), 1);
  for (const key of ["b", "toString", "constructor", "__proto__"]) {
    assertEquals(ownMember(table, key), undefined);
  }
});
