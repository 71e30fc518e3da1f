/**
 * The OpenCL backend, built from the pinned source, beside the prebuilt libraries. On PoCL's CPU device,
 * which ggml does not support, that is what `gpu-info` must say.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Machine } from "../cli/machine.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What building takes and is not here, or null. */
async function missing(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "it is built on Linux";
  for (const program of ["git", "npm", "cmake", "c++", "python3"]) {
    const found = await new Deno.Command("sh", {
      args: ["-c", `command -v ${program}`],
      stdout: "null",
    }).output();
    if (!found.success) return `${program} is missing`;
  }
  if (await Deno.stat("/usr/include/CL/cl.h").then(() => false, () => true)) {
    return "install opencl-headers and ocl-icd-opencl-dev";
  }
  const drivers = await Array.fromAsync(Deno.readDir("/etc/OpenCL/vendors")).catch(() => []);
  return drivers.some(({ name }) => name.includes("pocl")) ? null : "install pocl-opencl-icd";
}

const reason = await missing();

Deno.test({
  name: "the OpenCL backend loads beside the prebuilt libraries and rejects PoCL's CPU device" +
    (reason === null ? "" : ` (skipped: ${reason})`),
  ignore: reason !== null,
  fn: async () => {
    await using machine = await Machine.start();
    const folder = `${machine.home}/opencl`;
    const built = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "build:opencl", folder],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    assertEquals(built.code, 0, new TextDecoder().decode(built.stderr));

    const args = ["gpu-info", "--gpu-backend", "opencl", "--json"];
    const env = { SHIMMY_LIBLLAMA: folder };
    const { code, stdout, stderr } = await machine.run(args, { env });
    assertEquals(code, 1);
    const why = /^no device: llama\.cpp does not support '.*'; its OpenCL backend supports /;
    const report = JSON.parse(stdout).backends
      .find((one: { backend: string }) => one.backend === "opencl");
    assertMatch(report.why, why);
    assertMatch(stderr, /^shimmy: --gpu-backend opencl: no device: llama\.cpp does not support '/);

    // The libraries go on working on the CPU.
    const generate = [
      "generate",
      "--prompt",
      "What is the capital of France?",
      "--temperature",
      "0",
    ];
    const answer = await machine.run([...generate, "--gpu-backend", "cpu"], { env });
    assertEquals(answer.stdout, "The capital of France is Paris.\n");
  },
});
