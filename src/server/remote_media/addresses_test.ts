import { assertEquals, assertRejects } from "@std/assert";
import { addressOf, isPublic, PrivateAddressError } from "./addresses.ts";

Deno.test("private, loopback, shared and reserved addresses are not public", () => {
  const closed = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "not an address",
  ];
  assertEquals(closed.filter(isPublic), []);
  const open = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"];
  assertEquals(open.filter(isPublic), open);
});

Deno.test("each address of a name must be public", async () => {
  const url = new URL("https://a.example/x.png");
  const resolving = (...addresses: string[]) => () => Promise.resolve(addresses);
  assertEquals(await addressOf(url, "public", resolving("8.8.8.8", "1.1.1.1")), "8.8.8.8");
  for (const addresses of [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]]) {
    await assertRejects(
      () => addressOf(url, "public", resolving(...addresses)),
      PrivateAddressError,
    );
  }
  await assertRejects(() => addressOf(url, "public", resolving()), Error, "has no address");
});

Deno.test("an address in a URL is not resolved", async () => {
  const never = () => Promise.reject(new Error("resolved"));
  const address = (text: string) => addressOf(new URL(text), "any", never);
  assertEquals(await address("http://127.0.0.1:81/"), "127.0.0.1");
  assertEquals(await address("http://[::1]/"), "::1");
  await assertRejects(
    () => addressOf(new URL("http://127.0.0.1/"), "public", never),
    PrivateAddressError,
  );
});
