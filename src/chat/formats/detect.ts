import { apertus } from "./apertus.ts";
import { apriel } from "./json/apriel.ts";
import { commandR, commandR7b } from "./json/command_r.ts";
import { deepseekR1, deepseekV31 } from "./json/deepseek.ts";
import { deepseekV32, deepseekV4 } from "./markup/deepseek_dsml.ts";
import { firefunction } from "./json/firefunction.ts";
import type { ToolFormat } from "./shared/format.ts";
import { functionary31, functionary32 } from "./json/functionary.ts";
import { gemma4 } from "./gemma4.ts";
import { generic } from "./json/generic.ts";
import { gigachat3, gigachat31 } from "./json/gigachat.ts";
import { glm, hunyuan } from "./markup/glm.ts";
import { granite } from "./json/granite.ts";
import { harmony } from "./harmony.ts";
import { hermes } from "./json/hermes.ts";
import { kimiK2 } from "./json/kimi_k2.ts";
import { kimiK3 } from "./markup/kimi_k3.ts";
import { lfm2 } from "./lfm2.ts";
import { llama3, pythonic } from "./json/llama3.ts";
import { minicpm5 } from "./markup/minicpm5.ts";
import { minimaxM1 } from "./json/minimax_m1.ts";
import { minimaxM2 } from "./markup/minimax_m2.ts";
import { minimaxM3 } from "./markup/minimax_m3.ts";
import { mistral, mistralNamed } from "./json/mistral.ts";
import { muse } from "./markup/muse.ts";
import { nemotron } from "./json/nemotron.ts";
import { phi4 } from "./json/phi4.ts";
import { qwen3Coder } from "./markup/qwen3_coder.ts";
import { seedOss } from "./markup/seed_oss.ts";
import { solar } from "./solar.ts";

/** All formats. If several match a template, the first one is right. */
export const FORMATS: readonly ToolFormat[] = [
  harmony,
  muse,
  kimiK3,
  kimiK2,
  minimaxM3,
  minimaxM2,
  minimaxM1,
  deepseekV32,
  deepseekV4,
  deepseekV31,
  deepseekR1,
  gemma4,
  solar,
  functionary32,
  commandR7b,
  commandR,
  mistralNamed,
  mistral,
  apertus,
  apriel,
  nemotron,
  gigachat31,
  gigachat3,
  granite,
  phi4,
  firefunction,
  lfm2,
  seedOss,
  hunyuan,
  glm,
  qwen3Coder,
  minicpm5,
  functionary31,
  hermes,
  pythonic,
  llama3,
  generic,
];

const byName = new Map(FORMATS.map((format) => [format.name, format]));

/** The tool format of a name; the generic one if there is none. */
export function formatNamed(name: string): ToolFormat {
  return byName.get(name) ?? generic;
}

/** The tool format of a chat template. */
export function detectFormat(template: string): ToolFormat {
  return FORMATS.find((format) => format.matches(template)) ?? generic;
}
