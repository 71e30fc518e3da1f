import type { Sampling } from "../../../engine/protocol/mod.ts";
import { translateTemplate } from "./go_template.ts";
import type { ExampleMessage, ModelSettings, OllamaLayer } from "../../entry/mod.ts";

/** Size limit of a layer of text. */
const MAX_BYTES = 1024 * 1024;

/** Parameters of a Modelfile that are sampling defaults. */
const SAMPLING: Readonly<Record<string, Exclude<keyof Sampling, "seed" | "logitBias">>> = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  typical_p: "typicalP",
  repeat_penalty: "repeatPenalty",
  repeat_last_n: "repeatLastN",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  mirostat: "mirostat",
  mirostat_tau: "mirostatTau",
  mirostat_eta: "mirostatEta",
};

/**
 * The settings in the layers of a model: SYSTEM, PARAMETER, TEMPLATE and MESSAGE of its Modelfile. Layers that
 * cannot be read or translated, and parameters that are not numbers, are left out.
 *
 * @param layers paths of blobs by layer type.
 * @returns undefined if there are no settings.
 */
export async function settingsOf(
  layers: Readonly<Partial<Record<OllamaLayer, string>>>,
): Promise<ModelSettings | undefined> {
  const system = await textOf(layers.system);
  const params = parametersOf(await textOf(layers.params));
  const sampling: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(SAMPLING)) {
    const value = params[name];
    if (typeof value === "number" && Number.isFinite(value)) sampling[key] = value;
  }
  if (Number.isInteger(params.seed)) sampling.seed = Number(params.seed) < 0 ? null : params.seed;
  const stop = [params.stop ?? []].flat().filter((one) => typeof one === "string" && one !== "");
  const template = await textOf(layers.template);
  const chatTemplate = template?.trim() ? translateTemplate(template) : null;
  const messages = messagesOf(await textOf(layers.messages));
  const settings: ModelSettings = {
    ...(system ? { system } : {}),
    ...(chatTemplate === null ? {} : { chatTemplate }),
    ...(messages.length === 0 ? {} : { messages }),
    ...(Object.keys(sampling).length === 0 ? {} : { sampling }),
    ...(isCount(params.num_predict) ? { maxTokens: params.num_predict } : {}),
    ...(isCount(params.num_ctx) ? { contextLength: params.num_ctx } : {}),
    ...(stop.length === 0 ? {} : { stop: stop as string[] }),
  };
  return Object.keys(settings).length === 0 ? undefined : settings;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

function parametersOf(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

function messagesOf(text: string | null): ExampleMessage[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list.filter(isMessage) : [];
  } catch {
    return [];
  }
}

function isMessage(value: unknown): value is ExampleMessage {
  if (typeof value !== "object" || value === null) return false;
  const { role, content } = value as Partial<Record<string, unknown>>;
  return ["system", "user", "assistant"].includes(role as string) && typeof content === "string";
}

async function textOf(path: string | undefined): Promise<string | null> {
  if (path === undefined) return null;
  try {
    const { size } = await Deno.stat(path);
    return size > MAX_BYTES ? null : await Deno.readTextFile(path);
  } catch {
    return null;
  }
}
