/** Renders conversations to prompts with the model's or a fallback template. */

export { type ControlTokens, controlTokensOf } from "./control_tokens.ts";
export {
  type ChatInput,
  ownTemplate,
  renderChat,
  type RenderedChat,
  renderPrompt,
  textOfParts,
} from "./prompt.ts";
export { UnusableTemplateError } from "./template_capabilities.ts";
