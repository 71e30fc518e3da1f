import { assertEquals, assertThrows } from "@std/assert";
import { parseOptions, UsageError } from "./options.ts";
import { SERVE_OPTIONS } from "./serve_options.ts";

function remoteHosts(...given: string[]): readonly string[] {
  const args = given.flatMap((text) => ["--allow-remote-media", text]);
  return parseOptions(args, SERVE_OPTIONS, () => undefined).values["allow-remote-media"];
}

Deno.test("hosts of remote media are names, wildcards and addresses, with or without a port", () => {
  assertEquals(remoteHosts(), []);
  assertEquals(remoteHosts("a.example, *.b.example:8443", "*", "10.0.0.5,[::1]:80"), [
    "a.example",
    "*.b.example:8443",
    "*",
    "10.0.0.5",
    "[::1]:80",
  ]);
});

Deno.test("what is not a host of remote media is refused", () => {
  for (
    const text of ["http://a.example", "a.example/x", "a*.example", "u@a", "[::1", "a b", "::1"]
  ) {
    const error = assertThrows(() => remoteHosts(text), UsageError);
    assertEquals(
      error.message,
      "--allow-remote-media: must be hosts such as HOST, HOST:PORT, *.HOST or *, " +
        `not '${text}'`,
    );
  }
});
