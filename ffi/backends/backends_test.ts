import { assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { deviceHandle, listDevices, loadBackends } from "./backends.ts";
import { openLibrary } from "../library/library.ts";
import { printLogs, silenceLogs } from "./logs.ts";
import { realLibraryFolder } from "../testing.ts";
import { ThreadPool } from "./thread_pool.ts";

const real = await realLibraryFolder();
const withLibrary = { ignore: real === null };

function open() {
  const library = openLibrary(real!);
  silenceLogs(library);
  loadBackends(library);
  printLogs(library);
  return library;
}

Deno.test("devices include a CPU with memory, and each is found by name", withLibrary, () => {
  using library = open();
  const devices = listDevices(library);
  const cpu = devices.find((device) => device.kind === "cpu");
  assertEquals([cpu?.name, cpu?.backend], ["CPU", "CPU"]);
  assertNotEquals(cpu?.description, "");
  assertGreater(cpu?.memoryTotal ?? 0, 1 << 28);
  for (const { name } of devices) assertNotEquals(deviceHandle(library, name), null);
  assertEquals(deviceHandle(library, "No such device"), null);
});

Deno.test("loading the backends again adds nothing", withLibrary, () => {
  using library = open();
  const before = listDevices(library).map((device) => device.name);
  loadBackends(library);
  assertEquals(listDevices(library).map((device) => device.name), before);
});

Deno.test("a thread pool starts threads of the CPU backend and closes once", withLibrary, () => {
  using library = open();
  const pool = ThreadPool.create(library, { threads: 2, poll: 0 });
  assertNotEquals(pool.handle, null);
  pool.close();
  pool.close();
});
