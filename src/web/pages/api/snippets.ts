/** A request as text of a program. */
export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; undefined without one. */
  readonly body: unknown;
  /** The response comes in parts. */
  readonly isStreamed: boolean;
  /** The server requires a key. */
  readonly needsKey: boolean;
}

/** The variable of the environment that holds the key. */
const KEY = "SHIMMY_API_KEY";

/** Languages of snippets, with the function that writes one. */
export const LANGUAGES = { curl, Python: python, TypeScript: typescript } as const;

export type Language = keyof typeof LANGUAGES;

function curl({ method, url, headers, body, isStreamed, needsKey }: Asked): string {
  const isImplied = method === (body === undefined ? "GET" : "POST");
  const first = ["curl", isStreamed ? "-N" : "", isImplied ? "" : `-X ${method}`, shell(url)];
  return [
    first.filter((part) => part !== "").join(" "),
    ...Object.entries(headers).map(([name, value]) => `-H ${shell(`${name}: ${value}`)}`),
    ...(needsKey ? [`-H "authorization: Bearer $${KEY}"`] : []),
    ...(body === undefined
      ? []
      : ["-H 'content-type: application/json'", `-d ${shell(JSON.stringify(body, null, 2))}`]),
  ].join(" \\\n  ");
}

function python({ method, url, headers, body, isStreamed, needsKey }: Asked): string {
  const sent = [
    ...Object.entries(headers).map(([name, value]) => `${literal(name)}: ${literal(value)}`),
    ...(needsKey ? [`"authorization": f"Bearer {os.environ['${KEY}']}"`] : []),
  ];
  return [
    ...(needsKey ? ["import os", ""] : []),
    "import requests",
    "",
    `response = requests.${method.toLowerCase()}(`,
    `    ${literal(url)},`,
    ...(sent.length === 0 ? [] : [`    headers={${sent.join(", ")}},`]),
    ...(body === undefined ? [] : [`    json=${indented(literal(body), "    ")},`]),
    ...(isStreamed ? ["    stream=True,"] : []),
    ")",
    "response.raise_for_status()",
    ...(isStreamed
      ? ["for line in response.iter_lines(decode_unicode=True):", "    print(line)"]
      : ["print(response.text)"]),
    "",
  ].join("\n");
}

function typescript({ method, url, headers, body, isStreamed, needsKey }: Asked): string {
  const sent = [
    ...Object.entries(headers).map(([name, value]) =>
      `${JSON.stringify(name)}: ${JSON.stringify(value)},`
    ),
    ...(needsKey ? [`authorization: \`Bearer \${process.env.${KEY}}\`,`] : []),
    ...(body === undefined ? [] : ['"content-type": "application/json",']),
  ];
  const options = [
    ...(method === "GET" ? [] : [`  method: ${JSON.stringify(method)},`]),
    ...(sent.length === 0 ? [] : ["  headers: {", ...sent.map((line) => `    ${line}`), "  },"]),
    ...(body === undefined
      ? []
      : [`  body: JSON.stringify(${indented(JSON.stringify(body, null, 2), "  ")}),`]),
  ];
  const call = options.length === 0
    ? `const response = await fetch(${JSON.stringify(url)});`
    : [`const response = await fetch(${JSON.stringify(url)}, {`, ...options, "});"].join("\n");
  return [
    call,
    "if (!response.ok) throw new Error(await response.text());",
    ...(isStreamed
      ? [
        "for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {",
        "  console.log(text);",
        "}",
      ]
      : ["console.log(await response.text());"]),
    "",
  ].join("\n");
}

/** A word of a shell. */
function shell(text: string): string {
  return /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A JSON value in the spelling of Python. */
function literal(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const parts = Array.isArray(value)
    ? value.map(literal)
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${parts.map((part) => `    ${indented(part, "    ")},`).join("\n")}\n${close}`;
}

function indented(text: string, indent: string): string {
  return text.replaceAll("\n", `\n${indent}`);
}
