import type { FunctionDefinition } from "../../shared/tools.ts";
import { ShimmyError } from "../../../../../errors.ts";
import { LarkError, larkToPattern } from "./lark.ts";
import type { ResponseTool } from "./schema.ts";

/** What a call of a function in the prompt is for the client. */
export type CallTarget =
  | { readonly type: "function" | "custom"; readonly name: string; readonly namespace?: string }
  | { readonly type: "local_shell" }
  | { readonly type: "tool_search"; readonly execution: "client" | "server" };

/** The tools of a request as functions, the only kind of tool that chat templates know. */
export interface OfferedTools {
  readonly functions: readonly FunctionDefinition[];
  /** What the functions are for the client, by name. */
  readonly targets: ReadonlyMap<string, CallTarget>;
  /** What has been left out. */
  readonly notices: readonly string[];
}

/** The function name of a tool in a namespace. Names of MCP tools have this form elsewhere too. */
export function flatName(name: string, namespace: string | null | undefined): string {
  if (!namespace) return name;
  return namespace.endsWith("__") ? `${namespace}${name}` : `${namespace}__${name}`;
}

export const LOCAL_SHELL = "local_shell";
export const TOOL_SEARCH = "tool_search";

const LOCAL_SHELL_FUNCTION: FunctionDefinition = {
  name: LOCAL_SHELL,
  description: "Runs a command on the user's computer and returns its output.",
  parameters: {
    type: "object",
    properties: {
      command: {
        type: "array",
        items: { type: "string" },
        description: 'Program and arguments, such as ["ls", "-l"]',
      },
      working_directory: { type: "string" },
      timeout_ms: { type: "integer" },
      env: { type: "object", additionalProperties: { type: "string" } },
    },
    required: ["command"],
  },
};

const SEARCH_PARAMETERS = {
  type: "object",
  properties: { query: { type: "string" } },
  required: ["query"],
};

const SERVER_SEARCH: FunctionDefinition = {
  name: TOOL_SEARCH,
  description:
    "Finds tools that are not listed here by words that describe them. Call it before a " +
    "task for which no listed tool fits. The result defines the tools.",
  parameters: SEARCH_PARAMETERS,
};

/** Whether a tool stays out of the prompt until a search finds it, or one of a namespace does. */
function isDeferred(tool: ResponseTool): boolean {
  if (tool.type === "namespace") return tool.tools.some(isDeferred);
  return "defer_loading" in tool && tool.defer_loading === true;
}

/** Whether tools can be deferred: the client searches, or the server has something to search. */
function defersTools(tools: readonly ResponseTool[]): boolean {
  return tools.some((tool) =>
    tool.type === "tool_search" && (tool.execution === "client" || tools.some(isDeferred))
  );
}

/** Collects functions in the order of the tools. */
class Offer {
  readonly functions: FunctionDefinition[] = [];
  readonly targets = new Map<string, CallTarget>();
  readonly notices = new Set<string>();
  readonly #defers: boolean;

  /** @param defers leave tools with `defer_loading` out. */
  constructor(defers: boolean) {
    this.#defers = defers;
  }

  /**
   * @param field field of the request that has the tool.
   * @param isLoaded the tool is from a search, so it is offered even when it is deferred.
   */
  add(tool: ResponseTool, field: string, isLoaded: boolean, namespace?: string): void {
    switch (tool.type) {
      case "function":
        if (this.#isLeftOut(tool, isLoaded)) return;
        return this.#offer({ ...tool, field: `${field}.parameters` }, tool, isLoaded, namespace);
      case "custom":
        if (this.#isLeftOut(tool, isLoaded)) return;
        return this.#offer(
          { ...tool, parameters: this.#customParameters(tool), field: `${field}.format` },
          tool,
          isLoaded,
          namespace,
        );
      case "namespace":
        return this.#addNamespace(tool, field, isLoaded);
      case "local_shell":
        return this.#put(LOCAL_SHELL_FUNCTION, { type: "local_shell" }, isLoaded);
      case "tool_search":
        if (tool.execution !== "client") {
          if (!this.#defers) return;
          return this.#put(SERVER_SEARCH, { type: "tool_search", execution: "server" }, isLoaded);
        }
        return this.#put(
          {
            name: TOOL_SEARCH,
            description: tool.description,
            parameters: tool.parameters ?? SEARCH_PARAMETERS,
            field: `${field}.parameters`,
          },
          { type: "tool_search", execution: "client" },
          isLoaded,
        );
      case "other":
        this.notices.add(
          `Tools of type '${tool.tool.type.slice(0, 64)}' cannot be offered here; left out`,
        );
    }
  }

  #isLeftOut({ defer_loading }: { readonly defer_loading?: unknown }, isLoaded: boolean): boolean {
    return this.#defers && defer_loading === true && !isLoaded;
  }

  #addNamespace(
    tool: Extract<ResponseTool, { type: "namespace" }>,
    field: string,
    isLoaded: boolean,
  ): void {
    // The first function describes the namespace, because a chat template has no place for it.
    let about = tool.description;
    for (const [index, member] of tool.tools.entries()) {
      const before = this.functions.length;
      const description = [about, member.description].filter(Boolean).join("\n\n");
      this.add({ ...member, description }, `${field}.tools[${index}]`, isLoaded, tool.name);
      if (this.functions.length > before) about = null;
    }
  }

  #offer(
    definition: FunctionDefinition & { readonly field: string },
    target: { readonly type: "function" | "custom"; readonly name: string },
    isLoaded: boolean,
    namespace: string | undefined,
  ): void {
    const { name, description, parameters, strict } = definition;
    this.#put(
      { name: flatName(name, namespace), description, parameters, strict },
      {
        type: target.type,
        name: target.name,
        ...(namespace === undefined ? {} : { namespace }),
      },
      isLoaded,
    );
  }

  /** Several searches may find one tool, and a client may list a tool that a search found. */
  #put(definition: FunctionDefinition, target: CallTarget, isLoaded: boolean): void {
    if (isLoaded && this.targets.has(definition.name)) return;
    this.functions.push(isLoaded ? { ...definition, isInMessages: true } : definition);
    this.targets.set(definition.name, target);
  }

  /** The free text of a custom tool is the argument `input` of its function. */
  #customParameters({ name, format }: Extract<ResponseTool, { type: "custom" }>) {
    const pattern = format?.type === "grammar" ? this.#pattern(name, format) : null;
    return {
      type: "object",
      properties: { input: { type: "string", ...(pattern === null ? {} : { pattern }) } },
      required: ["input"],
      additionalProperties: false,
    };
  }

  #pattern(
    name: string,
    { syntax, definition }: { readonly syntax: "lark" | "regex"; readonly definition: string },
  ): string | null {
    if (syntax === "regex") return `^(?:${definition})$`;
    try {
      return `^(?:${larkToPattern(definition)})$`;
    } catch (error) {
      if (!(error instanceof LarkError)) throw error;
      this.notices.add(`The grammar of the tool '${name}' does not apply: ${error.message}`);
      return null;
    }
  }
}

/**
 * The tools that the model may call.
 * @param found the tools of `tool_search_output` items.
 */
export function offerTools(
  tools: readonly ResponseTool[],
  found: readonly ResponseTool[],
): OfferedTools {
  const offer = new Offer(defersTools(tools));
  tools.forEach((tool, index) => offer.add(tool, `tools[${index}]`, false));
  for (const tool of found) offer.add(tool, "input", true);
  return { ...offer, notices: [...offer.notices] };
}

/** A tool in `tool_choice`. */
export interface ChosenTool {
  readonly type: string;
  readonly name?: string | null | undefined;
  readonly namespace?: string | null | undefined;
}

/**
 * The names of the functions that a tool of `tool_choice` means: one, or those of a namespace.
 * @throws {ShimmyError} `invalid` for a tool that is not offered.
 */
export function chosenNames(chosen: ChosenTool, { targets }: OfferedTools): string[] {
  const { type, name, namespace } = chosen;
  const names = [...targets].filter(([flat, target]) => {
    if (type === "namespace") return "namespace" in target && target.namespace === name;
    if (target.type !== type) return false;
    if (!("name" in target)) return true;
    if (namespace) return target.namespace === namespace && target.name === name;
    return flat === name;
  }).map(([flat]) => flat);
  if (names.length > 0) return names;
  const label = name ? `'${name}' of type ${type}` : `of type ${type.slice(0, 64)}`;
  throw new ShimmyError("invalid", `tool_choice: there is no tool ${label}`, {
    field: "tool_choice",
  });
}
