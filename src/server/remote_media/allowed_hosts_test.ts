import { assertEquals } from "@std/assert";
import { AllowedHosts } from "./allowed_hosts.ts";

/** How the URLs may be reached, by pattern. */
function reaches(pattern: string, ...urls: string[]) {
  const hosts = new AllowedHosts([pattern]);
  return urls.map((url) => hosts.reach(new URL(url)));
}

Deno.test("a name stands for itself and the default ports", () => {
  assertEquals(
    reaches(
      "Pictures.Example",
      "https://pictures.example/a.png",
      "http://PICTURES.example:80/",
      "https://pictures.example:8443/",
      "https://www.pictures.example/",
      "https://pictures.example.evil/",
    ),
    ["public", "public", null, null, null],
  );
  assertEquals(
    reaches("a.example:8443", "https://a.example:8443/", "https://a.example/"),
    ["public", null],
  );
  assertEquals(reaches("a.example:443", "https://a.example/", "http://a.example/"), [
    "public",
    null,
  ]);
});

Deno.test("wildcards stand for the names below, or for all", () => {
  assertEquals(
    reaches("*.example", "https://a.example/", "https://b.a.example/", "https://example/"),
    ["public", "public", null],
  );
  assertEquals(reaches("*", "https://a.example/", "http://8.8.8.8/"), ["public", "public"]);
});

Deno.test("only an address that is listed itself may be private", () => {
  assertEquals(
    reaches("127.0.0.1:81", "http://127.0.0.1:81/", "http://0x7f.1:81/", "http://localhost:81/"),
    ["any", "any", null],
  );
  assertEquals(reaches("[::1]", "http://[::1]/", "http://[0:0::1]/"), ["any", "any"]);
  assertEquals(reaches("*", "http://127.0.0.1/", "http://[::1]/"), ["public", "public"]);
});
