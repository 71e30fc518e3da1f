import { newId } from "../shared/envelope.ts";
import { ITEM_PREFIX } from "./items.ts";
import type { OutputItem, ShellAction } from "./object.ts";
import type { OpenItem } from "./open_items.ts";
import { type CallTarget, partialInput, type ResponseTool, wholeInput } from "./tools/mod.ts";

interface Named {
  readonly name: string;
  readonly namespace?: string;
}

/**
 * A call of a function in the prompt, in the form of the tool that the client sent.
 * @param name name of the function, for a call of a function that was not offered.
 */
export function openCall(
  outputIndex: number,
  callId: string,
  name: string,
  target: CallTarget | undefined,
): OpenItem {
  switch (target?.type) {
    case "custom":
      return openCustomCall(outputIndex, callId, target);
    case "local_shell": {
      const id = newId(ITEM_PREFIX.local_shell_call);
      return openObjectCall((status, given) => ({
        type: "local_shell_call",
        id,
        status,
        call_id: callId,
        action: toShellAction(given),
      }));
    }
    case "tool_search": {
      const id = newId(ITEM_PREFIX.tool_search_call);
      return openObjectCall((status, given) => ({
        type: "tool_search_call",
        id,
        status,
        // A search of the server has no result that the client sends.
        call_id: target.execution === "client" ? callId : null,
        execution: target.execution,
        arguments: given,
      }));
    }
    default:
      return openFunctionCall(outputIndex, callId, target ?? { name });
  }
}

/** The result of a search of the server. */
export function openFound(tools: readonly ResponseTool[]): OpenItem {
  const id = newId(ITEM_PREFIX.tool_search_output);
  return openObjectCall((status) => ({
    type: "tool_search_output",
    id,
    status,
    call_id: null,
    execution: "server",
    tools: status === "in_progress" ? [] : tools,
  }));
}

function toNames({ name, namespace }: Named): Named {
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}

/** A function call. */
function openFunctionCall(outputIndex: number, callId: string, named: Named): OpenItem {
  const id = newId(ITEM_PREFIX.function_call);
  const at = { item_id: id, output_index: outputIndex };
  let text = "";
  return {
    item: (status) => ({
      type: "function_call",
      id,
      status,
      call_id: callId,
      ...toNames(named),
      arguments: text,
    }),
    opened: [],
    append(delta) {
      text += delta;
      return { type: "response.function_call_arguments.delta", ...at, delta };
    },
    closed: () => [
      { type: "response.function_call_arguments.done", ...at, name: named.name, arguments: text },
    ],
  };
}

/** A call of a custom tool: the text in the argument `input` is the input. */
function openCustomCall(outputIndex: number, callId: string, named: Named): OpenItem {
  const id = newId(ITEM_PREFIX.custom_tool_call);
  const at = { item_id: id, output_index: outputIndex };
  let json = "";
  let sent = "";
  return {
    item: (status) => ({
      type: "custom_tool_call",
      id,
      status,
      call_id: callId,
      ...toNames(named),
      input: status === "in_progress" ? "" : wholeInput(json),
    }),
    opened: [],
    append(text) {
      json += text;
      const delta = partialInput(json).slice(sent.length);
      if (delta === "") return null;
      sent += delta;
      return { type: "response.custom_tool_call_input.delta", ...at, delta };
    },
    closed: () => [
      { type: "response.custom_tool_call_input.done", ...at, input: wholeInput(json) },
    ],
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A call whose arguments are an object in the item, which has no events between begin and end. */
function openObjectCall(
  toItem: (status: OutputItem["status"], given: Fields) => OutputItem,
): OpenItem {
  let json = "";
  return {
    item: (status) => toItem(status, toFields(json)),
    opened: [],
    append(text) {
      json += text;
      return null;
    },
    closed: () => [],
  };
}

/** The arguments of a call; none when they were cut. */
function toFields(json: string): Fields {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value as Fields : {};
  } catch {
    return {};
  }
}

function toShellAction({ command, env, timeout_ms, working_directory }: Fields): ShellAction {
  return {
    type: "exec",
    command: Array.isArray(command) ? command.map(String) : [],
    env: typeof env === "object" && env !== null ? env as ShellAction["env"] : {},
    ...(typeof timeout_ms === "number" ? { timeout_ms } : {}),
    ...(typeof working_directory === "string" ? { working_directory } : {}),
  };
}
