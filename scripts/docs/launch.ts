import { CLIENTS } from "../../src/cli/launching/clients/table.ts";
import { neededContext } from "../../src/cli/launching/context_advice.ts";

/** Names of the clients' pages, where they differ from the name of the client. */
const PAGES: Readonly<Record<string, string>> = { claude: "claude-code", qwen: "qwen-code" };

const count = (tokens: number) => tokens.toLocaleString("en-US");

/** The clients of `launch`, their prompts and the contexts that they need. */
export function launchTable(): string {
  const rows = Object.entries(CLIENTS).map(([name, client]) => {
    const page = `[${client.title}](integrations/${PAGES[name] ?? name}.md)`;
    const { usual, builtin } = client.promptTokens;
    const columns = [
      page,
      `\`shimmy launch ${name}\``,
      ...[
        neededContext(usual),
        usual,
        builtin,
      ].map(count),
    ];
    return `| ${columns.join(" | ")} |`;
  });
  return [
    "| client | command | context, at least | prompt | prompt with `shimmy-tiny` |",
    "| --- | --- | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}
