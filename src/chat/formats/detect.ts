import { apertus } from "./apertus.ts";
import { apriel } from "./apriel.ts";
import { commandR, commandR7b } from "./command_r.ts";
import { deepseekR1, deepseekV31 } from "./deepseek.ts";
import { deepseekV32, deepseekV4 } from "./deepseek_dsml.ts";
import { firefunction } from "./firefunction.ts";
import type { ToolFormat } from "./shared/format.ts";
import { functionary31, functionary32 } from "./functionary.ts";
import { gemma4 } from "./gemma4.ts";
import { generic } from "./generic.ts";
import { gigachat3, gigachat31 } from "./gigachat.ts";
import { glm, hunyuan } from "./glm.ts";
import { granite } from "./granite.ts";
import { harmony } from "./harmony.ts";
import { hermes } from "./hermes.ts";
import { kimiK2 } from "./kimi_k2.ts";
import { kimiK3 } from "./kimi_k3.ts";
import { lfm2 } from "./lfm2.ts";
import { llama3, pythonic } from "./llama3.ts";
import { minicpm5 } from "./minicpm5.ts";
import { minimaxM1 } from "./minimax_m1.ts";
import { minimaxM2 } from "./minimax_m2.ts";
import { minimaxM3 } from "./minimax_m3.ts";
import { mistral, mistralNamed } from "./mistral.ts";
import { muse } from "./muse.ts";
import { nemotron } from "./nemotron.ts";
import { phi4 } from "./phi4.ts";
import { qwen3Coder } from "./qwen3_coder.ts";
import { seedOss } from "./seed_oss.ts";
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
