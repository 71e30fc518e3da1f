export { type ControlTokens, controlTokensOf } from "./control_tokens.ts";
export {
  type ChatInput,
  renderChat,
  type RenderedChat,
  renderPrompt,
  renderText,
} from "./prompt.ts";
