import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../options/mod.ts";
import { browserCommand, checkOpen, pageAddress } from "./web_page.ts";

const addr = (hostname: string): Deno.NetAddr => ({ transport: "tcp", hostname, port: 11435 });

Deno.test("the address of the page is one that a browser of this machine reaches", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["127.0.0.1", "http://127.0.0.1:11435"],
    ["0.0.0.0", "http://127.0.0.1:11435"],
    ["::", "http://[::1]:11435"],
    ["::1", "http://[::1]:11435"],
    ["192.168.1.4", "http://192.168.1.4:11435"],
  ];
  for (const [hostname, url] of cases) assertEquals(pageAddress("http", addr(hostname)), url);
  assertEquals(pageAddress("https", addr("0.0.0.0")), "https://127.0.0.1:11435");
});

Deno.test("each system has its program, and none of them interprets the address", () => {
  const url = "http://127.0.0.1:1";
  assertEquals(browserCommand("linux", url), ["xdg-open", url]);
  assertEquals(browserCommand("darwin", url), ["open", url]);
  assertEquals(browserCommand("windows", url), ["rundll32", "url.dll,FileProtocolHandler", url]);
});

Deno.test("--open is refused where there is no page or no browser reaches it", () => {
  const address = { hostname: "127.0.0.1", ports: [0] };
  checkOpen({ open: true, "no-ui": false }, address);
  checkOpen({ open: false, "no-ui": true }, { path: "/tmp/socket" });
  assertThrows(() => checkOpen({ open: true, "no-ui": true }, address), UsageError, "--no-ui");
  assertThrows(
    () => checkOpen({ open: true, "no-ui": false }, { path: "/tmp/socket" }),
    UsageError,
    "Unix socket",
  );
});
