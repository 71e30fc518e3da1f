import { chat, CHAT_OPTIONS } from "../../chat/mod.ts";
import { command } from "../../environment/mod.ts";
import { nameOf } from "../../sessions/mod.ts";

/** `chat`: a conversation in the terminal. */
export default command({
  operands: ["[NAME]"],
  options: CHAT_OPTIONS,
  run: async (call, environment) => {
    const asked = nameOf("chat", call.values.name, call.operands[0]);
    return await chat({ ...call, asked }, environment);
  },
});
