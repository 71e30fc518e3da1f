/** Tests with libraries of Python: a script runs against a server with the built-in model. */
import { assertEquals } from "@std/assert";
import { tinyServer } from "../clients/tiny_server.ts";
import type { Tested } from "./programs.ts";
import { testProgram } from "./run_program.ts";

/**
 * Runs a script with the Python that has the library.
 *
 * @param script reads the URL of the server from its first argument.
 * @param check gets the lines that the script prints.
 */
export function testScript(
  tested: Tested,
  name: string,
  script: string,
  check: (lines: string[]) => void,
): void {
  testProgram(tested, name, async (bench) => {
    await using server = tinyServer();
    await bench.write("script.py", script);
    const { code, stdout, stderr } = await bench.run(
      [`${bench.folder}/script.py`, server.url],
      // Without it litellm fetches prices of models.
      { LITELLM_LOCAL_MODEL_COST_MAP: "True" },
    );
    assertEquals(code, 0, stderr);
    check(stdout.trim().split("\n"));
  });
}
