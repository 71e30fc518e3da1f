import { assertEquals, assertThrows } from "@std/assert";
import { parseOptions, UsageError } from "./options.ts";
import { remoteHosts as hostsOption, SERVE_OPTIONS } from "./serve_options.ts";

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

Deno.test("remote media are refused where Deno cannot connect to the address that was checked", () => {
  const read = (version: string, ...texts: string[]) => hostsOption(version).read(texts, "--hosts");
  for (const version of ["2.4.2", "2.7.12"]) {
    assertEquals(read(version), []);
    const error = assertThrows(() => read(version, "a.example"), UsageError);
    assertEquals(
      error.message,
      `--hosts: needs Deno 2.7.13 or newer; this is Deno ${version}`,
    );
  }
  assertEquals(read("2.7.13", "a.example"), ["a.example"]);
});
