import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection, ConnectionProbe } from "../../../ffi/sockets/mod.ts";
import { DisconnectWatcher, signalIsComplete } from "./disconnects.ts";

/** Reports the connections that a test names. */
class ProbeDouble implements ConnectionProbe {
  readonly gone = new Set<Connection>();
  checks = 0;
  isDisposed = false;

  closed(connections: Iterable<Connection>): Connection[] {
    this.checks++;
    return [...connections].filter((connection) => this.gone.has(connection));
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
  }
}

const connection = (port: number): Connection => ({
  remote: { hostname: "127.0.0.1", port },
  localPort: 1,
});

Deno.test("a closed connection is reported once, and no other", async () => {
  const probe = new ProbeDouble();
  const left: string[] = [];
  {
    await using watcher = new DisconnectWatcher(() => Promise.resolve(probe));
    const [a, b] = [connection(1), connection(2)];
    watcher.watch(a, () => left.push("a"));
    const unwatch = watcher.watch(b, () => left.push("b"));
    probe.gone.add(a);
    await delay(200);
    assertEquals(left, ["a"]);
    unwatch();
    probe.gone.add(b);
    await delay(200);
    assertEquals(left, ["a"]);
  }
  assertEquals(probe.isDisposed, true);
});

Deno.test("connections are not checked while no request, or only short ones, wait", async () => {
  const probe = new ProbeDouble();
  let opened = 0;
  await using watcher = new DisconnectWatcher(() => {
    opened++;
    return Promise.resolve(probe);
  });
  watcher.watch(connection(1), () => {})();
  await delay(150);
  assertEquals([opened, probe.checks], [0, 0]);
  const unwatch = watcher.watch(connection(2), () => {});
  await delay(200);
  unwatch();
  const { checks } = probe;
  assertEquals([opened, checks > 0], [1, true]);
  await delay(150);
  assertEquals(probe.checks, checks);
});

Deno.test("a system without a probe has no checks and no errors", async () => {
  for (const open of [() => Promise.resolve(null), () => Promise.reject(new Error("no libc"))]) {
    await using watcher = new DisconnectWatcher(open);
    const unwatch = watcher.watch(connection(1), () => {});
    await delay(100);
    watcher.watch(connection(2), () => {})();
    unwatch();
  }
});

Deno.test("the signal is complete before Deno 2.8.3", () => {
  for (const version of ["2.4.0", "2.4.2", "2.8.2", "1.46.3"]) {
    assertEquals(signalIsComplete(version), true, version);
  }
  for (const version of ["2.8.3", "2.8.10", "2.9.6", "2.10.0-rc.1+abc", "3.0.0"]) {
    assertEquals(signalIsComplete(version), false, version);
  }
});
