/**
 * A release gate: every regression of the bugs this project was founded on. A backend or a number of
 * layers that was asked for must reach the native call, whichever command takes it, and be reported as
 * libllama placed it; a backend that is missing must be an error and never the CPU in silence.
 *
 * Run it with `deno task regression`. What needs a device is skipped where there is none, which is told;
 * `--require-device` makes that a failure, for the machine that releases.
 */

/** Test files, each of which is about the flags' way from the command line to the native call. */
const FILES = [
  "src/cli/options/options_test.ts",
  "src/cli/sessions/load_options_test.ts",
  "ffi/objects/model_parameters_test.ts",
  "src/runtime/library/variant_test.ts",
  "src/runtime/devices/backends_test.ts",
  "src/engine/model/load_log_test.ts",
  "src/engine/model/tensor_placement_test.ts",
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
