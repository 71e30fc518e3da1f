import type { ModelEntry, OllamaLayer } from "./entry.ts";

/** Parameters as Ollama's Modelfile names them. */
type Parameters = Readonly<Record<string, unknown>>;

/** What the Modelfile of a model adds to its file. */
export interface Modelfile {
  readonly system: string;
  /** A template of Go. */
  readonly template: string | undefined;
  readonly license: string | undefined;
  readonly messages: readonly unknown[];
  /** One line per parameter: its name, padded, and its value. */
  readonly parameters: string;
}

/** Width of the names in `parameters`. */
const NAME_WIDTH = 30;

/** Reads the layers that Ollama's store keeps beside the weights. */
export async function modelfileOf(entry: ModelEntry): Promise<Modelfile> {
  const [template, license, messages, params] = await Promise.all(
    (["template", "license", "messages", "params"] as const).map((kind) => textOf(entry, kind)),
  );
  const list = jsonOf(messages);
  return {
    system: entry.settings?.system ?? "",
    template,
    license,
    messages: Array.isArray(list) ? list : [],
    parameters: linesOf(jsonOf(params)).map(([name, value]) =>
      `${name.padEnd(NAME_WIDTH)} ${value}`
    ).join("\n"),
  };
}

/** The Modelfile as text. */
export function modelfileText(
  from: string,
  adapter: string | null,
  { system, template, parameters }: Modelfile,
): string {
  const lines = [
    `FROM ${from}`,
    ...(adapter === null ? [] : [`ADAPTER ${adapter}`]),
    ...(template === undefined ? [] : [`TEMPLATE """${template}"""`]),
    ...(system === "" ? [] : [`SYSTEM """${system}"""`]),
    ...parameters.split("\n").filter((line) => line !== "")
      .map((line) => `PARAMETER ${line.replace(/ +/, " ")}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Name and value of each parameter; a list has a line per value. */
function linesOf(params: unknown): [string, string][] {
  if (typeof params !== "object" || params === null || Array.isArray(params)) return [];
  return Object.entries(params as Parameters).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, JSON.stringify(one)])
  );
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

/** The text of a layer; undefined if it is absent or cannot be read. */
async function textOf({ ollama }: ModelEntry, kind: OllamaLayer): Promise<string | undefined> {
  const path = ollama?.[kind];
  return path === undefined ? undefined : await Deno.readTextFile(path).catch(() => undefined);
}
