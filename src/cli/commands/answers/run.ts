import { command } from "../../environment/mod.ts";
import { UsageError } from "../../options/mod.ts";
import { argumentsOf, generate, GENERATE_OPTIONS } from "./generate.ts";

/** `run`: answers the prompt, or starts a chat when there is none. */
export default command({
  operands: ["[NAME]", "[PROMPT]"],
  options: GENERATE_OPTIONS,
  run: async (call, environment) => {
    const { values, operands } = call;
    const { asked, prompt } = argumentsOf("run", values, operands);
    const isChat = prompt === null && values.prompt === null && operands[1] === undefined &&
      environment.input.isTerminal;
    if (!isChat) return await generate("run", call, environment);
    for (const name of ["raw", "json"] as const) {
      if (values[name]) throw new UsageError(`--${name}: needs a prompt`);
    }
    if (values.audio.length > 0) throw new UsageError("--audio: needs a prompt");
    const { chat } = await import("../../chat/mod.ts");
    return await chat({ ...call, asked }, environment);
  },
});
