import * as fc from "test:fast-check";
import type { ChatInput } from "../../../src/chat/prompt/mod.ts";
import { TINY_TEMPLATE } from "../../doubles/tiny_template.ts";
import { chatInput } from "../../support/chat_request.ts";
import { editText, type TextEdit, textEdits } from "../mutation/text_edits.ts";
import { Host } from "../support/host.ts";
import { checkVisible, type Problem } from "../support/problem.ts";
import { record } from "../support/tiny_server.ts";
import type { Runner, Target } from "../target.ts";

/** A chat template as changes of a simple one, and the conversation that it renders. */
interface TemplateCase {
  readonly base: number;
  readonly edits: readonly TextEdit[];
  readonly input: number;
}

const BASES = [
  TINY_TEMPLATE,
  "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message.content | trim }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
  "{% macro show(value, depth=0) %}{% if value is mapping %}{% for k, v in value.items() %}" +
  "{{ k }}: {{ show(v, depth + 1) }}{% endfor %}{% elif value is iterable and value is not string %}" +
  "{{ value | map('string') | join(', ') }}{% else %}{{ value | tojson(indent=2) }}{% endif %}" +
  "{% endmacro %}{% set ns = namespace(text='') %}{% for m in messages if m.role != 'tool' %}" +
  "{% set ns.text = ns.text ~ show(m) ~ loop.index0 %}{% endfor %}{{ ns.text[:200] }}",
  "{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}" +
  "{% endif %}{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}" +
  "{{ raise_exception('roles must alternate') }}{% endif %}{{ m.content.split('\\n')[-1] }}" +
  "{{ m.content.replace('a', 'b').strip() }}{% endfor %}{{ strftime_now('%d %b %Y') }}",
];

const WORDS = [
  ...[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{%-",
    "-%}",
    "|",
    "(",
    ")",
    "[",
    "]",
    ".",
    ",",
    ":",
    "=",
  ],
  ...[
    " for x in messages ",
    " endfor ",
    " if ",
    " elif ",
    " else ",
    " endif ",
    " set x = ",
    " in ",
  ],
  ...[" macro f(x) ", " endmacro ", " call ", " endcall ", " filter upper ", " endfilter ", " is "],
  ...[" break ", " continue ", " not ", " and ", " ~ ", " + ", " * ", " ** ", " // ", " % ", "-1"],
  ...["range(100000)", "range(1000000000)", "x * 1000000", "'a' * 100000000", "messages", "tools"],
  ...[
    "namespace(a=1)",
    "loop.index",
    "loop",
    "self",
    "none",
    "true",
    "1e308",
    "99999999999999999999",
  ],
  ...["| tojson", "| tojson(indent=100000)", "| replace('a', 'aa')", "| join(',')", "| length"],
  ...[
    "| sort",
    "| reverse",
    "| list",
    "| map(attribute='role')",
    "| selectattr('a')",
    "| groupby(1)",
  ],
  ...["| indent(1000000)", "| center(1000000000)", "| string", "| safe", "| items", "| default(x)"],
  ...[
    ".__class__",
    ".constructor",
    "['__proto__']",
    ".format(1)",
    ".split('')",
    ".upper()",
    "[::-1]",
  ],
  ...[
    "[:99999999]",
    "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
  ],
  ...["{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "raise_exception('a')", "'%s' % x"],
  ...["strftime_now('%Y')", "{% generation %}", "{% endgeneration %}", "{% raw %}", "{% endraw %}"],
];

const tools: ChatInput["tools"] = [{
  name: "get_weather",
  description: "Weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
}];

const INPUTS: readonly ChatInput[] = [
  chatInput({ messages: [{ role: "user", content: "Hi <|im_end|>" }] }),
  chatInput({
    tools,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Weather?\nIn Paris" },
      {
        role: "assistant",
        content: "",
        reasoning: "call it",
        toolCalls: [{ id: "1", name: "get_weather", arguments: '{"city":"Paris"}' }],
      },
      { role: "tool", content: "12", toolCallId: "1", name: "get_weather" },
    ],
  }),
  chatInput({
    continueLast: true,
    templateArguments: { enable_thinking: false, x: [{ "": null }], messages: 1 },
    messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }],
  }),
];

/** Chat templates of model files. */
export const templates: Target = {
  name: "templates",
  open: () => Promise.resolve(new TemplateRunner()),
};

class TemplateRunner implements Runner<TemplateCase> {
  readonly cases = record<TemplateCase>({
    base: fc.nat(BASES.length - 1),
    edits: textEdits(WORDS, 8),
    input: fc.nat(INPUTS.length - 1),
  });
  readonly #host = new Host();

  async run({ base, edits, input }: TemplateCase): Promise<Problem | null> {
    const template = editText(BASES[base]!, edits);
    const result = await this.#host.run({ type: "template", template, input: INPUTS[input]! });
    if ("kind" in result) return result;
    if (result.thrown !== null) return { kind: "unexpected", message: result.thrown.slice(0, 400) };
    return checkVisible(result.refused ?? "", [Deno.cwd()]);
  }

  finish(): Promise<null> {
    return Promise.resolve(null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]();
  }
}
