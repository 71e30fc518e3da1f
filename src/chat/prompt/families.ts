import type { ModelInfo } from "../../engine/protocol/mod.ts";

/** A way of writing conversations that many models share. */
export interface Family {
  readonly name: string;
  /** Control tokens without which the family cannot be written. */
  readonly needs: readonly string[];
  /** Names of models that speak it. */
  readonly names: RegExp;
  readonly template: string;
  /** Text that ends a turn, for vocabularies that have no token for it. */
  readonly stops: readonly string[];
}

const LLAMA3: Family = {
  name: "llama3",
  needs: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
  names: /llama-?3/i,
  stops: ["<|eot_id|>"],
  template: `{{- bos_token -}}
{%- for message in messages -%}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + (message.content | trim) + '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}`,
};

const OPENCHAT: Family = {
  name: "openchat",
  needs: ["<|end_of_turn|>"],
  names: /openchat|starling/i,
  stops: ["<|end_of_turn|>"],
  template: `{{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{- message.content + '<|end_of_turn|>' -}}
{%- else -%}
{{- 'GPT4 Correct ' + ('User' if message.role == 'user' else 'Assistant') + ': ' + message.content + '<|end_of_turn|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'GPT4 Correct Assistant:' -}}{%- endif -%}`,
};

const CHATML: Family = {
  name: "chatml",
  needs: ["<|im_start|>", "<|im_end|>"],
  names: /chatml|qwen|hermes/i,
  stops: ["<|im_end|>"],
  template: `{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}`,
};

/** For models of which nothing is known: roles as words, which any language model can follow. */
const PLAIN: Family = {
  name: "plain",
  needs: [],
  names: /^$/,
  stops: ["\nUser:"],
  template: `{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{- message.content + '\\n\\n' -}}
{%- else -%}
{{- ('User' if message.role == 'user' else 'Assistant') + ': ' + message.content + '\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}`,
};

const FAMILIES: readonly Family[] = [LLAMA3, OPENCHAT, CHATML];

/**
 * The family a model without a template of its own most likely belongs to: the one whose control
 * tokens its vocabulary has, else the one its name speaks of, else plain roles.
 */
export function familyOf(
  info: Pick<ModelInfo, "controlTokens" | "metadata" | "description">,
): Family {
  const tokens = new Set(info.controlTokens);
  const spoken = FAMILIES.filter(({ needs }) => needs.every((token) => tokens.has(token)));
  const name = `${info.metadata["general.name"] ?? ""} ${
    info.metadata["general.basename"] ?? ""
  } ${info.description}`;
  const named = (family: Family) => family.names.test(name);
  return spoken.find(named) ?? spoken[0] ?? FAMILIES.find(named) ?? PLAIN;
}
