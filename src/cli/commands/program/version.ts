import { LLAMA_VERSION } from "../../../../ffi/library/version.ts";
import { VERSION } from "../../../version.ts";
import { command, EXIT } from "../../environment/mod.ts";

/** `version`: prints the versions of Shimmy and libllama. */
export default command({
  operands: [],
  options: {},
  run: async (_, { output }) => {
    await output.print(`shimmy ${VERSION}\nlibllama ${LLAMA_VERSION}`);
    return EXIT.ok;
  },
});
