import { API_KEY, type Setup, type Target } from "./client.ts";

/** What `launch` sets, line by line: the server, the model, variables, files and arguments. */
export function setupLines(
  target: Target,
  setup: Setup,
  pathOf: (name: string) => string,
): string[] {
  const { url, model, context } = target;
  return [
    `Server ${url}, model ${model}, context ${context.toLocaleString("en-US")} tokens`,
    ...Object.entries(setup.variables).map(([name, value]) =>
      `Variable ${name}=${value === API_KEY ? "(the API key of the server)" : value}`
    ),
    ...setup.files.map(({ name }) => `Settings file ${pathOf(name)}`),
    ...(setup.args.length === 0 ? [] : [`Arguments ${setup.args.join(" ")}`]),
  ];
}
