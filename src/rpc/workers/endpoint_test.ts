import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { parseEndpoints } from "./endpoint.ts";

Deno.test("workers are names or addresses with ports", () => {
  assertEquals(parseEndpoints("", "--rpc"), []);
  assertEquals(parseEndpoints("10.0.0.5:50052, box-2.lan:1,[fe80::1]:65535", "--rpc"), [
    { hostname: "10.0.0.5", port: 50_052, text: "10.0.0.5:50052" },
    { hostname: "box-2.lan", port: 1, text: "box-2.lan:1" },
    { hostname: "fe80::1", port: 65_535, text: "[fe80::1]:65535" },
  ]);
});

Deno.test("a worker that is malformed or named twice is refused with the option", () => {
  for (
    const bad of ["box", "box:", ":1", "box:0", "box:65536", "a:1,,b:2", "http://a:1", "::1:5"]
  ) {
    const { kind, message } = assertThrows(() => parseEndpoints(bad, "--rpc"), ShimmyError);
    assertEquals(kind, "invalid");
    assertEquals(message.startsWith("--rpc: must be HOST:PORT"), true, message);
  }
  assertThrows(() => parseEndpoints("a:1,a:1", "x"), ShimmyError, "x: names the worker a:1 twice");
  const many = Array.from({ length: 17 }, (_, i) => `a:${i + 1}`).join();
  assertThrows(
    () => parseEndpoints(many, "x"),
    ShimmyError,
    "x: must be at most 16 workers, not 17",
  );
});
