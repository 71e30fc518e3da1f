import { type Context, type Library, listDevices, type Model } from "../../ffi/mod.ts";
import type { LoadOptions, ModelInfo } from "./protocol.ts";

/** What is known of a model once it is loaded. */
export function describeModel(
  library: Library,
  model: Model,
  context: Context,
  facts: {
    readonly options: LoadOptions;
    readonly metadata: Readonly<Record<string, string>>;
    readonly threads: number;
    readonly notes: readonly string[];
    readonly sequenceLength: number;
    readonly loadMs: number;
  },
): ModelInfo {
  const { vocab } = model;
  const { options } = facts;
  const devices = listDevices(library).filter(({ name, kind }) =>
    kind === "cpu" || (options.gpuLayers !== 0 && (options.devices?.includes(name) ?? true))
  );
  const controlTokens: string[] = [];
  for (let token = 0; token < vocab.size; token++) {
    if (vocab.isControl(token)) controlTokens.push(vocab.text(token));
  }
  const textOf = (token: number | null) => token === null ? "" : vocab.text(token);
  return {
    description: model.description,
    architecture: facts.metadata["general.architecture"] ?? "",
    parameters: model.parameters,
    size: model.size,
    vocabularySize: vocab.size,
    embeddingLength: model.embeddingLength,
    layers: model.layers,
    trainedContext: model.trainedContext,
    contextLength: facts.sequenceLength,
    parallel: context.maxSequences,
    batchSize: context.batchSize,
    threads: facts.threads,
    devices,
    offloadedLayers: devices.some(({ kind }) => kind === "gpu" || kind === "igpu")
      ? clampLayers(options.gpuLayers, model.layers)
      : 0,
    chatTemplate: model.chatTemplate(null),
    toolTemplate: model.chatTemplate("tool_use"),
    bosText: textOf(vocab.bos),
    eosText: textOf(vocab.eos),
    controlTokens: controlTokens.filter((text) => text.length > 0),
    fim: vocab.fim,
    metadata: facts.metadata,
    loadMs: facts.loadMs,
    notes: facts.notes,
  };
}

/** Layers on devices: all repeating ones and the output layer, or as many as were asked for. */
function clampLayers(asked: number, layers: number): number {
  return asked < 0 ? layers + 1 : Math.min(asked, layers + 1);
}
