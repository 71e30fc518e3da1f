/** The tools of responses: functions, namespaces, custom tools, the local shell and tool search. */

export {
  type CallTarget,
  chosenNames,
  type ChosenTool,
  flatName,
  LOCAL_SHELL,
  type OfferedTools,
  offerTools,
  TOOL_SEARCH,
} from "./offered.ts";
export { type ResponseTool, responseTool, sentTool } from "./schema.ts";
export { partialInput, wholeInput } from "./custom_input.ts";
