import { anyOf, quoted } from "./gbnf.ts";
import { argumentsText, type ToolFormat } from "./format.ts";

/**
 * Calls as plain JSON objects: the name, then the arguments under a key that depends on the format.
 *
 * @param separator Text between two calls.
 */
export function jsonObjects(
  argumentsKey: string,
  separator: string,
): Pick<ToolFormat, "write" | "triggers" | "grammar"> {
  const opening = (name: string) => `{"name": ${JSON.stringify(name)}`;
  const head = (name: string) => `${opening(name)}, "${argumentsKey}": `;
  return {
    write: (calls) =>
      calls.map((call) => `${head(call.name)}${argumentsText(call)}}`).join(separator),
    triggers: (tools) => tools.map(({ name }) => opening(name)),
    grammar(tools, rules, parallel) {
      const bodies = tools.map((tool) => `${quoted(head(tool.name))} ${rules.arguments(tool)} "}"`);
      const call = rules.add("call", anyOf(bodies));
      return parallel ? `${call} ( ${quoted(separator)} ${call} )*` : call;
    },
  };
}
