/**
 * The release gate for placement on devices. A requested backend or number of layers must reach the native
 * call from every command, and must be reported as libllama placed it. A missing backend must be an error;
 * Shimmy never silently falls back to the CPU.
 *
 *     deno task regression [--require-device]
 *
 * Without a device, the tests that need one are skipped and reported. With `--require-device` they fail.
 */

/** Tests of the path of the options from the command line to the native call. */
const FILES = [
  "src/cli/options/options_test.ts",
  "src/cli/sessions/load_options_test.ts",
  "ffi/objects/model_parameters_test.ts",
  "src/runtime/library/variant_test.ts",
  "src/runtime/devices/backends_test.ts",
  "src/engine/model/placement/load_log_test.ts",
  "src/engine/model/placement/tensor_placement_test.ts",
  "tests/cli/wiring_test.ts",
  "tests/gpu",
];

const requireDevice = Deno.args.includes("--require-device");
const root = new URL("..", import.meta.url);
const rights = ["ffi", "read", "write", "env", "sys", "run"].map((right) => `--allow-${right}`);
const { success, stdout } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "--config=deno.test.json", ...rights, "--allow-net=127.0.0.1", ...FILES],
  cwd: root,
  env: { NO_COLOR: "1" },
  stdin: "null",
  stdout: "piped",
  stderr: "inherit",
}).output();
const report = new TextDecoder().decode(stdout);
console.log(report);
const onDevice = /^vulkan: .*\.\.\. ok/m.test(report) || /^cuda: .*\.\.\. ok/m.test(report);
if (!onDevice) console.log("Nothing ran on a device: only the way to the native call is proven");
Deno.exit(success && (onDevice || !requireDevice) ? 0 : 1);
