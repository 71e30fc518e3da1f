import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { canonicalAddress } from "./connection.ts";
import { type Connection, openConnectionProbe } from "./mod.ts";
import { toEndPoint } from "./posix.ts";
import { closedIn, WINDOWS_ROWS } from "./windows.ts";

/** A connection over the loopback interface. */
async function connect(hostname: string, to = hostname) {
  const stack = new DisposableStack();
  const listener = stack.use(Deno.listen({ hostname, port: 0 }));
  const { port: localPort } = listener.addr;
  const [client, accepted] = await Promise.all([
    Deno.connect({ hostname: to, port: localPort }),
    listener.accept(),
  ]);
  stack.use(accepted);
  const connection: Connection = { remote: accepted.remoteAddr, localPort };
  return { client, accepted, connection, [Symbol.dispose]: () => stack.dispose() };
}

/** Waits until the system has handed over what the other end did. */
async function settled(check: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 100 && !check(); tries++) await delay(5);
  return check();
}

/** Containers may have no IPv6. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

for (const [hostname, to] of [["127.0.0.1"], ["::1"], ["::", "127.0.0.1"]] as const) {
  Deno.test({
    name: `a connection to ${hostname} is closed once the other end has closed it`,
    ignore: hostname.includes(":") && !hasIpv6(),
    async fn() {
      using pair = await connect(hostname, to);
      using other = await connect(hostname, to);
      using probe = openConnectionProbe()!;
      const all = [pair.connection, other.connection];
      assertEquals(probe.closed(all), []);
      pair.client.close();
      await settled(() => probe.closed(all).length > 0);
      assertEquals(probe.closed(all), [pair.connection]);
      other.client.close();
      assertEquals(await settled(() => probe.closed(all).length === 2), true);
    },
  });
}

Deno.test("a connection with unread data is open, and the data is not consumed", async () => {
  using pair = await connect("127.0.0.1");
  using probe = openConnectionProbe()!;
  await pair.client.write(new TextEncoder().encode("more"));
  await delay(20);
  assertEquals(probe.closed([pair.connection]), []);
  const buffer = new Uint8Array(8);
  assertEquals(await pair.accepted.read(buffer), 4);
  pair.client.close();
});

Deno.test("a connection that was reset is closed", async () => {
  using pair = await connect("127.0.0.1");
  using probe = openConnectionProbe()!;
  assertEquals(probe.closed([pair.connection]), []);
  // Who closes without having read what came resets the connection.
  await pair.accepted.write(new TextEncoder().encode("never read"));
  await delay(20);
  pair.client.close();
  assertEquals(await settled(() => probe.closed([pair.connection]).length === 1), true);
});

Deno.test("a connection that is not this process's is never closed", () => {
  using probe = openConnectionProbe()!;
  const unknown = { remote: { hostname: "192.0.2.1", port: 9 }, localPort: 9 };
  assertEquals(probe.closed([unknown]), []);
});

Deno.test("equal addresses have one spelling", () => {
  assertEquals(canonicalAddress("127.0.0.1"), "127.0.0.1");
  assertEquals(canonicalAddress("::ffff:10.1.2.3"), "10.1.2.3");
  assertEquals(canonicalAddress("0:0:0:0:0:0:0:1"), canonicalAddress("::1"));
  assertEquals(canonicalAddress("fe80::1%eth0"), canonicalAddress("FE80:0::1"));
});

Deno.test("socket addresses of Linux and of macOS are read", () => {
  const of = (...bytes: number[]) =>
    new DataView(Uint8Array.from([...bytes, ...Array(100)]).buffer);
  const address = [0x1f, 0x90, 10, 1, 2, 3];
  const [linux, darwin] = [10, 30];
  for (
    const [name, family] of [[of(2, 0, ...address), linux], [
      of(16, 2, ...address),
      darwin,
    ]] as const
  ) {
    const end = toEndPoint(name, family);
    assertEquals([end?.port, end?.address()], [8080, "10.1.2.3"]);
  }
  const v6 = [0x1f, 0x90, 0, 0, 0, 0, ...Array(15).fill(0), 1];
  for (const [name, family] of [[of(10, 0, ...v6), linux], [of(28, 30, ...v6), darwin]] as const) {
    const end = toEndPoint(name, family);
    assertEquals([end?.port, end?.address()], [8080, canonicalAddress("::1")]);
  }
  const unix = of(1, 0, ...address);
  assertEquals(toEndPoint(unix, linux), null);
});

Deno.test("closed connections are found in the tables of Windows", () => {
  const row = (size: number, fields: Record<number, number[]>) => {
    const bytes = new Uint8Array(size);
    for (const [at, values] of Object.entries(fields)) bytes.set(values, Number(at));
    return bytes;
  };
  const table = (...rows: Uint8Array[]) =>
    new DataView(
      Uint8Array.from([rows.length, 0, 0, 0, ...rows.flatMap((one) => [...one])]).buffer,
    );
  const [established, closeWait] = [5, 8];
  const v4 = (state: number, port: number) =>
    row(24, { 0: [state], 8: [0x1f, 0x90], 12: [10, 1, 2, 3], 16: [port >> 8, port & 255] });
  assertEquals(closedIn(table(v4(established, 5000), v4(closeWait, 5001)), WINDOWS_ROWS.IPv4), [
    "10.1.2.3 5001 8080",
  ]);
  const v6 = row(56, { 20: [0x1f, 0x90], 39: [1], 44: [0x13, 0x88], 48: [closeWait] });
  assertEquals(closedIn(table(v6), WINDOWS_ROWS.IPv6), [`${canonicalAddress("::1")} 5000 8080`]);
});
