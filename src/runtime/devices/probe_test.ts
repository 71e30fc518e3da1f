import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { ShimmyError } from "../../errors.ts";
import { fetchPackage } from "../library/npm.ts";
import { probeDevices } from "./probe.ts";
import { npmPackage } from "../library/release.ts";
import { currentPlatform } from "../library/variant.ts";

/** A child process that runs this code instead of the probe. */
const child = (code: string) => [Deno.execPath(), "eval", "--quiet", "--no-lock", code] as const;

Deno.test("the child's result is found among other output", async () => {
  const report = { version: "0.5.0-dev", devices: [] };
  const code = `console.log("ggml: hello"); console.log('shimmy-devices ${JSON.stringify(report)}');
    console.log("ggml: goodbye", Deno.args); console.error("ggml: log");`;
  assertEquals(await probeDevices("folder", { command: child(code) }), {
    ...report,
    log: "ggml: log",
  });
});

Deno.test("the child gets the command and the folder", async () => {
  const code = `console.log("shimmy-devices", JSON.stringify({ version: Deno.args.join(" ") }))`;
  const { version } = await probeDevices("the folder", { command: child(code) });
  assertEquals(version, "__devices the folder");
});

Deno.test("an error of the child is rethrown", async () => {
  const code = `console.log('shimmy-devices {"error":"Cannot open libllama: no such thing"}')`;
  const error = await assertRejects(
    () => probeDevices("folder", { command: child(code) }),
    ShimmyError,
  );
  assertEquals([error.kind, error.message], ["backend", "Cannot open libllama: no such thing"]);
});

Deno.test("a crash has a readable error with the output as detail", async () => {
  const code = `console.error("driver: kaputt"); Deno.kill(Deno.pid, "SIGKILL")`;
  const error = await assertRejects(
    () => probeDevices("folder", { command: child(code) }),
    ShimmyError,
  );
  assertStringIncludes(error.message, "the driver crashed (");
  assertEquals(error.detail, "driver: kaputt");
});

Deno.test("a hanging driver is killed and reported", async () => {
  const command = child("setTimeout(() => {}, 60_000)");
  const error = await assertRejects(
    () => probeDevices("folder", { command, timeoutMs: 500 }),
    ShimmyError,
  );
  assertEquals(error.message, "the driver did not respond within 0.5 seconds");
});

Deno.test("detection can be cancelled", async () => {
  const command = child("setTimeout(() => {}, 60_000)");
  const controller = new AbortController();
  const asked = probeDevices("folder", { command, signal: controller.signal });
  controller.abort();
  const error = await assertRejects(() => asked, ShimmyError);
  assertEquals(error.kind, "cancelled");
});

Deno.test("a program that cannot be started has a readable error", async () => {
  const error = await assertRejects(
    () => probeDevices("folder", { command: ["./no-such-program"] }),
    ShimmyError,
  );
  assertEquals(error.message, "cannot start a child process for device detection");
});

/** The real child's code, without the command line. */
const module = new URL("./probe.ts", import.meta.url).href;
const realChild = child(
  `import { devicesMain } from ${JSON.stringify(module)}; await devicesMain(Deno.args[1]);`,
);

Deno.test("the real package has a CPU device with memory", async () => {
  const name = npmPackage(currentPlatform(), "cpu");
  assert(name);
  const folder = await fetchPackage(name);
  const report = await probeDevices(folder, { command: realChild });
  assertStringIncludes(report.version, "0.5.0");
  const cpu = report.devices.find(({ backend }) => backend === "CPU");
  assertEquals(cpu?.kind, "cpu");
  assert((cpu?.memoryTotal ?? 0) > 1e8);
});

Deno.test("a folder without libraries is an error of the child", async () => {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  await assertRejects(
    () => probeDevices(folder, { command: realChild }),
    ShimmyError,
    "Cannot open libllama",
  );
});
