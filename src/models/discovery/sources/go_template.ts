/** Part of a template of Go: text, or an action between braces. */
type Part = { readonly text: string } | { readonly action: string };

/** Functions of Go's templates, by what they become in Jinja. */
const FUNCTIONS: Readonly<Record<string, (args: readonly string[]) => string | null>> = {
  eq: ([a, ...rest]) => join(rest.map((b) => `${a} == ${b}`), "or"),
  ne: ([a, b]) => `(${a} != ${b})`,
  gt: ([a, b]) => `(${a} > ${b})`,
  lt: ([a, b]) => `(${a} < ${b})`,
  and: (args) => join(args, "and"),
  or: (args) => join(args, "or"),
  not: ([a]) => `(not ${a})`,
  len: ([a]) => `(${a} | length)`,
  slice: ([list, from, to = ""]) => from === undefined ? null : `${list}[${from}:${to}]`,
};

/** Collects the turns of a conversation for a template of one turn. */
const COLLECT = `{%- set ns = namespace(turns=[], System="", Prompt="", Response="") -%}
{%- for message in messages -%}
{%- if message.role == "assistant" -%}{%- set ns.Response = message.content -%}
{%- elif ns.Response or (message.role == "system" and ns.Prompt) -%}
{%- set ns.turns = ns.turns + [{"System": ns.System, "Prompt": ns.Prompt, "Response": ns.Response}] -%}
{%- set ns.System = "" -%}{%- set ns.Prompt = "" -%}{%- set ns.Response = "" -%}
{%- endif -%}
{%- if message.role == "system" -%}{%- set ns.System = message.content -%}
{%- elif message.role != "assistant" -%}{%- set ns.Prompt = message.content -%}{%- endif -%}
{%- endfor -%}
{%- set ns.turns = ns.turns + [{"System": ns.System, "Prompt": ns.Prompt, "Response": ns.Response}] -%}
`;

/** Joins the system messages for a template of a whole conversation. */
const SYSTEM = `{%- set ns = namespace(System="") -%}
{%- for message in messages -%}{%- if message.role == "system" -%}
{%- set ns.System = ns.System + message.content -%}
{%- endif -%}{%- endfor -%}
`;

/**
 * Translates a TEMPLATE of a Modelfile to Jinja. It is a template of Go, for one turn with `.System`,
 * `.Prompt` and `.Response`, or for a conversation with `.Messages`.
 * Source: https://github.com/ollama/ollama/blob/main/docs/template.md
 *
 * @returns null if the template has actions beyond these, such as tools; the template in the model's
 * file then applies.
 */
export function translateTemplate(source: string): string | null {
  const parts = partsOf(source);
  const isConversation = /\.Messages\b/.test(source);
  const hasResponse = parts.some((part) => "action" in part && part.action === ".Response");
  if (!isConversation && !hasResponse) parts.push({ action: ".Response" });
  const body = new Translation(isConversation).body(parts);
  if (body === null) return null;
  return isConversation
    ? SYSTEM + body
    : `${COLLECT}{%- for turn in ns.turns -%}${body}{%- endfor -%}`;
}

/** Splits a template. A hyphen inside the braces removes the white space outside of them. */
function partsOf(source: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  let trims = false;
  const push = (text: string, trimsEnd: boolean) => {
    const start = trims ? text.trimStart() : text;
    const kept = trimsEnd ? start.trimEnd() : start;
    if (kept !== "") parts.push({ text: kept });
  };
  for (const match of source.matchAll(/\{\{(-(?=\s))?([\s\S]*?)(?:(?<=\s)(-))?\}\}/g)) {
    push(source.slice(end, match.index), match[1] !== undefined);
    parts.push({ action: match[2]!.trim() });
    trims = match[3] !== undefined;
    end = match.index + match[0].length;
  }
  push(source.slice(end), false);
  return parts;
}

/** The translation of one template. */
class Translation {
  readonly #isConversation: boolean;
  /** The ends of the open blocks. */
  readonly #ends: string[] = [];
  /** The variable that the dot stands for; null outside of a range. */
  #dot: string | null = null;
  /** In the last turn, the prompt ends where the response begins. */
  #isAfterResponse = false;

  constructor(isConversation: boolean) {
    this.#isConversation = isConversation;
  }

  body(parts: readonly Part[]): string | null {
    let body = "";
    for (const part of parts) {
      const piece = "text" in part ? this.#text(part.text) : this.#action(part.action);
      if (piece === null) return null;
      body += piece;
    }
    return this.#ends.length === 0 ? body : null;
  }

  #text(text: string): string | null {
    // Jinja and JSON agree on these escapes only.
    if (/[^\P{Cc}\n\t\r]/u.test(text)) return null;
    return this.#output(JSON.stringify(text));
  }

  #output(expression: string): string {
    return this.#isAfterResponse
      ? `{%- if not loop.last -%}{{- ${expression} -}}{%- endif -%}`
      : `{{- ${expression} -}}`;
  }

  #action(action: string): string | null {
    if (action.startsWith("/*")) return "";
    const [, word = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(action) ?? [];
    if (word === "end" && rest === "") return this.#end();
    if (word === "else" && rest === "") {
      return this.#ends.at(-1) === "endif" ? "{%- else -%}" : null;
    }
    if (word === "if") return this.#open("if", rest, "endif");
    if (word === "else" && /^if\s/.test(rest)) return this.#block("elif", rest.slice(3));
    if (word === "range") return this.#range(rest);
    const set = /^\$(\w+)\s*:?=\s*([\s\S]+)$/.exec(action);
    if (set !== null) return this.#block(`set v_${set[1]} =`, set[2]!);
    const value = this.#expression(action);
    if (value === null) return null;
    const output = this.#output(value);
    if (!this.#isConversation && action === ".Response") this.#isAfterResponse = true;
    return output;
  }

  #end(): string | null {
    const end = this.#ends.pop();
    if (end === undefined) return null;
    if (end === "endfor") this.#dot = null;
    return `{%- ${end} -%}`;
  }

  #open(word: string, expression: string, end: string): string | null {
    this.#ends.push(end);
    return this.#block(word, expression);
  }

  #block(word: string, expression: string): string | null {
    const value = this.#expression(expression);
    return value === null ? null : `{%- ${word} ${value} -%}`;
  }

  #range(text: string): string | null {
    const [, index, item, list] =
      /^(?:\$(\w+)\s*,\s*\$(\w+)\s*:=\s*)?(\$?\.Messages)$/.exec(text) ?? [];
    if (list === undefined || this.#dot !== null) return null;
    this.#dot = item === undefined ? "message" : `v_${item}`;
    this.#ends.push("endfor");
    const set = index === undefined || index === "_" ? "" : `{%- set v_${index} = loop.index0 -%}`;
    return `{%- for ${this.#dot} in messages -%}${set}`;
  }

  /** Translates an expression: a value, or a function with values in parentheses or without. */
  #expression(text: string): string | null {
    const tokens = text.match(/"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+/g) ?? [];
    const value = this.#call(tokens);
    return tokens.length === 0 ? value : null;
  }

  #call(tokens: string[]): string | null {
    const name = tokens[0] ?? "";
    if (!Object.hasOwn(FUNCTIONS, name)) return this.#value(tokens);
    tokens.shift();
    const args: string[] = [];
    while (tokens.length > 0 && tokens[0] !== ")") {
      const value = this.#value(tokens);
      if (value === null) return null;
      args.push(value);
    }
    return args.length === 0 ? null : FUNCTIONS[name]!(args);
  }

  #value(tokens: string[]): string | null {
    const token = tokens.shift() ?? "";
    if (token === "(") {
      const value = this.#call(tokens);
      return tokens.shift() === ")" ? value : null;
    }
    if (/^(?:\d+|true|false|".*")$/s.test(token)) return token;
    const variable = /^\$(\w+)(?:\.(Role|Content))?$/.exec(token);
    if (variable !== null) {
      const [, name, field] = variable;
      return field === undefined ? `v_${name}` : `v_${name}.${field.toLowerCase()}`;
    }
    const field = /^(\$?)\.(\w+)$/.exec(token);
    if (field === null) return null;
    const [, root, name = ""] = field;
    if (root === "" && this.#dot !== null) {
      return name === "Role" || name === "Content" ? `${this.#dot}.${name.toLowerCase()}` : null;
    }
    if (!this.#isConversation) {
      return ["System", "Prompt", "Response"].includes(name) ? `turn.${name}` : null;
    }
    return name === "System" ? "ns.System" : name === "Messages" ? "messages" : null;
  }
}

function join(parts: readonly string[], operator: string): string | null {
  return parts.length === 0 ? null : `(${parts.join(` ${operator} `)})`;
}
