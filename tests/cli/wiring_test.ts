/**
 * The bug this project was founded on: a GPU flag that was parsed and never used. Each flag that places a
 * model is followed from each command to what the native library was called with.
 */
import { realLibraryFolder } from "../../ffi/testing.ts";
import { TINY } from "../support/engine.ts";
import { SpyLibrary, spyProblem } from "../support/spy_library.ts";
import { checkFlags, FLAG_CHECKS } from "../support/flag_checks.ts";
import { Machine } from "./machine.ts";

const problem = await spyProblem();

for (const wire of FLAG_CHECKS) {
  const name = `${wire.flags.join(" ")} reaches the native call from every command`;
  Deno.test({
    name: problem === null ? name : `${name} (skipped: ${problem})`,
    ignore: problem !== null,
    fn: async () => {
      await using machine = await Machine.start();
      await using spy = await SpyLibrary.make((await realLibraryFolder())!);
      await checkFlags(machine, spy, TINY, wire);
    },
  });
}
