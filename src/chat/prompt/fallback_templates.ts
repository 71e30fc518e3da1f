import type { ModelInfo } from "../../engine/protocol/mod.ts";

/** A chat template for models without one. */
export interface FallbackTemplate {
  readonly name: string;
  /** Control tokens that the template requires. */
  readonly requiredTokens: readonly string[];
  /** Names of models that use the template. */
  readonly modelNames: RegExp;
  readonly template: string;
  /** Texts that end a turn, for vocabularies without a token for it. */
  readonly stops: readonly string[];
}

const LLAMA3: FallbackTemplate = {
  name: "llama3",
  requiredTokens: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
  modelNames: /llama-?3/i,
  stops: ["<|eot_id|>"],
  template: `{{- bos_token -}}
{%- for message in messages -%}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + (message.content | trim) + '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}`,
};

const OPENCHAT: FallbackTemplate = {
  name: "openchat",
  requiredTokens: ["<|end_of_turn|>"],
  modelNames: /openchat|starling/i,
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

const CHATML: FallbackTemplate = {
  name: "chatml",
  requiredTokens: ["<|im_start|>", "<|im_end|>"],
  modelNames: /chatml|qwen|hermes/i,
  stops: ["<|im_end|>"],
  template: `{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}`,
};

/** For unknown models: roles as words, which any language model can follow. An answer ends at a role. */
const PLAIN: FallbackTemplate = {
  name: "plain",
  requiredTokens: [],
  modelNames: /^$/,
  stops: ["\nUser:", "\nAssistant:", "\nSystem:", "\nHuman:"],
  template: `{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{- message.content + '\\n\\n' -}}
{%- else -%}
{{- ('User' if message.role == 'user' else 'Assistant') + ': ' + (message.content | trim) + '\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}`,
};

const FALLBACK_TEMPLATES: readonly FallbackTemplate[] = [LLAMA3, OPENCHAT, CHATML];

/**
 * Chooses a fallback template: one whose control tokens are in the vocabulary, otherwise one that
 * matches the model's name, otherwise plain roles.
 */
export function fallbackTemplate(
  info: Pick<ModelInfo, "controlTokens" | "metadata" | "description">,
): FallbackTemplate {
  const tokens = new Set(info.controlTokens);
  const supported = FALLBACK_TEMPLATES.filter(({ requiredTokens }) =>
    requiredTokens.every((token) => tokens.has(token))
  );
  const name = `${info.metadata["general.name"] ?? ""} ${
    info.metadata["general.basename"] ?? ""
  } ${info.description}`;
  const named = (fallback: FallbackTemplate) => fallback.modelNames.test(name);
  return supported.find(named) ?? supported[0] ?? FALLBACK_TEMPLATES.find(named) ?? PLAIN;
}
