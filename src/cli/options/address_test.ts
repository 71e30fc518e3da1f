import { assertEquals, assertThrows } from "@std/assert";
import {
  formatAddress,
  isLoopback,
  parseAddress,
  parseBind,
  parseOllamaAddress,
} from "./address.ts";
import { UsageError } from "./options.ts";

Deno.test("auto is the loopback address and the default ports", () => {
  for (const bind of [null, "auto"]) {
    const { hostname, ports } = parseAddress(bind, null);
    assertEquals(hostname, "127.0.0.1");
    assertEquals([ports[0], ports.at(-1), ports.length], [11_435, 11_535, 101]);
  }
});

Deno.test("an address with a port has only this port", () => {
  assertEquals(parseAddress("0.0.0.0:80", 9), { hostname: "0.0.0.0", ports: [80] });
  assertEquals(parseAddress("[::1]:80", null), { hostname: "::1", ports: [80] });
  assertEquals(parseAddress("example.test:0", null), { hostname: "example.test", ports: [0] });
  assertEquals(parseAddress(":8080", null), { hostname: "127.0.0.1", ports: [8080] });
});

Deno.test("an address without a port has the port of the option", () => {
  assertEquals(parseAddress("localhost", 99), { hostname: "localhost", ports: [99] });
  assertEquals(parseAddress("::1", 99), { hostname: "::1", ports: [99] });
  assertEquals(parseAddress("[::]", 99), { hostname: "::", ports: [99] });
  assertEquals(parseAddress("auto", 99), { hostname: "127.0.0.1", ports: [99] });
});

Deno.test("an invalid address is refused", () => {
  for (const bind of ["", "a:b", "host:70000", "[::1", "1.2.3.4:80:90", "host:80x"]) {
    const error = assertThrows(() => parseAddress(bind, null), UsageError);
    assertEquals(error.message, `--bind: must be auto, ADDRESS or ADDRESS:PORT, not '${bind}'`);
  }
});

Deno.test("only this machine's own addresses are loopback", () => {
  for (const own of ["127.0.0.1", "127.8.9.10", "localhost", "::1"]) {
    assertEquals(isLoopback(own), true, own);
  }
  for (const other of ["0.0.0.0", "::", "192.168.0.1", "127.0.0.1.evil.test", "localhost.test"]) {
    assertEquals(isLoopback(other), false, other);
  }
});

Deno.test("IPv6 addresses are printed in brackets", () => {
  assertEquals(formatAddress("::1", 80), "[::1]:80");
  assertEquals(formatAddress("127.0.0.1", 80), "127.0.0.1:80");
});

Deno.test("the address for clients of Ollama has Ollama's port", () => {
  assertEquals(parseOllamaAddress("auto"), { hostname: "127.0.0.1", ports: [11_434] });
  assertEquals(parseOllamaAddress("0.0.0.0"), { hostname: "0.0.0.0", ports: [11_434] });
  assertEquals(parseOllamaAddress(":8080"), { hostname: "127.0.0.1", ports: [8080] });
  assertThrows(() => parseOllamaAddress("8080"), UsageError, "--ollama: must be auto, ADDRESS");
});

Deno.test("unix: is the path of a socket, where there are sockets", () => {
  assertEquals(parseBind("unix:/tmp/s", null, "linux"), { path: "/tmp/s" });
  assertEquals(parseBind("unix:s", 5, "darwin"), { path: "s" });
  assertEquals(parseBind("127.0.0.1:5", null, "linux"), parseAddress("127.0.0.1:5", null));
  assertEquals(parseBind(null, 5, "windows"), parseAddress(null, 5));
  const refused = [["unix:", "linux"], [`unix:${"x".repeat(108)}`, "linux"]] as const;
  for (const [bind, os] of refused) {
    assertThrows(() => parseBind(bind, null, os), UsageError, "must have 1 to 107 bytes");
  }
  assertThrows(() => parseBind("unix:/s", null, "windows"), UsageError, "not available on Windows");
});
