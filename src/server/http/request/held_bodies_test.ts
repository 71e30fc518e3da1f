import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../errors.ts";
import { HeldBody } from "./held_bodies.ts";

Deno.test("all bodies of a server together are bounded, and released bodies make room", () => {
  const server = {};
  const first = new HeldBody(server, 10);
  first.add(50);
  using second = new HeldBody(server, 10);
  second.add(30);
  const error = assertThrows(() => second.add(1), ShimmyError, "more than 80 bytes");
  assertEquals(error.kind, "overloaded");
  // Another server counts on its own.
  using other = new HeldBody({}, 10);
  other.add(80);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  second.add(50);
  assertThrows(() => second.add(1), ShimmyError, "more than 80 bytes");
});

Deno.test("a body that is released is read no further", () => {
  const body = new HeldBody({}, 10);
  body.add(5);
  body[Symbol.dispose]();
  assertThrows(() => body.add(5), ShimmyError, "not read any more");
});
