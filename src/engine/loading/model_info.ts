import { type Library, listDevices, type Model } from "../../../ffi/mod.ts";
import type { Embedder } from "../embedding/mod.ts";
import { recommendedSampling } from "../sampling/mod.ts";
import type { GenerationContext } from "../scheduler/mod.ts";
import type {
  FileState,
  LoadOptions,
  MediaSupport,
  ModelInfo,
  Placement,
} from "../protocol/mod.ts";
import { usualInterval } from "./stream_interval.ts";

/** Describes a loaded model. */
export function describeModel(
  library: Library,
  model: Model,
  facts: {
    readonly options: LoadOptions;
    readonly generation: GenerationContext | null;
    readonly embedder: Embedder;
    readonly media: MediaSupport | null;
    readonly threads: number;
    readonly notes: readonly string[];
    readonly loadMs: number;
    readonly files: readonly FileState[];
    readonly projectorFile: FileState | undefined;
  },
): ModelInfo {
  const { vocab } = model;
  const { options, generation, embedder } = facts;
  const metadata = model.metadata();
  const devices = listDevices(library).filter(({ name, kind }) =>
    kind === "cpu" || (options.gpuLayers !== 0 && (options.devices?.includes(name) ?? true))
  );
  const controlTokens: string[] = [];
  for (let token = 0; token < vocab.size; token++) {
    if (vocab.isControl(token)) controlTokens.push(vocab.text(token));
  }
  const onDevices = devices.some(({ kind }) => kind === "gpu" || kind === "igpu");
  const offloadedLayers = onDevices ? clampLayers(options.gpuLayers, model.layers) : 0;
  const { threads } = facts;
  const textOf = (token: number | null) => token === null ? "" : vocab.text(token);
  return {
    files: facts.files,
    ...(facts.projectorFile === undefined ? {} : { projectorFile: facts.projectorFile }),
    kind: generation !== null ? "language" : embedder.isRanking ? "rerank" : "embedding",
    description: descriptionOf(model),
    architecture: model.architecture,
    parameters: model.parameters,
    size: model.size,
    vocabularySize: vocab.size,
    embeddingLength: model.embeddingLength,
    layers: model.layers,
    trainedContext: model.trainedContext,
    contextLength: generation?.longestLength ?? embedder.limit,
    parallel: generation?.parallel ?? embedder.sequences,
    shape: generation?.shape ?? null,
    batchSize: generation?.context.batchSize ?? embedder.batchSize,
    threads,
    streamInterval: options.streamInterval ??
      usualInterval({ threads, layers: model.layers, offloadedLayers }),
    devices,
    offloadedLayers,
    placement: onDevices ? [] : [onCpu(model)],
    chatTemplate: model.chatTemplate(null),
    toolTemplate: model.chatTemplate("tool_use"),
    bosText: textOf(vocab.bos),
    eosText: textOf(vocab.eos),
    controlTokens: controlTokens.filter((text) => text.length > 0),
    fim: vocab.fim,
    endOfGeneration: generation?.sampling.endOfGeneration ?? [],
    recommendedSampling: recommendedSampling(metadata),
    metadata,
    ...(facts.media === null ? {} : { media: facts.media }),
    settings: {
      kvType: options.kvType,
      flashAttention: options.flashAttention,
      lookup: generation?.lookup ?? false,
      contextShift: generation?.contextShift ?? false,
      swaFull: generation?.shape.swaFull ?? true,
      draft: (generation?.draft ?? null) !== null,
    },
    loadMs: facts.loadMs,
    processBytes: Deno.memoryUsage().rss,
    notes: facts.notes,
  };
}

/** libllama's description. It has `?B` where libllama has no name for the size; a count replaces that. */
function descriptionOf({ description, parameters }: Model): string {
  const count = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  return description.replace("?B", count.format(parameters));
}

/** Placement without devices: everything is on the CPU. Other buffer sizes are only in the log. */
function onCpu(model: Model): Placement {
  return {
    device: "CPU",
    layers: model.layers + 1,
    weightBytes: model.size,
    kvBytes: null,
    computeBytes: null,
  };
}

/** Offloaded layers: all repeating layers and the output layer, or the requested number. */
function clampLayers(asked: number, layers: number): number {
  return asked < 0 ? layers + 1 : Math.min(asked, layers + 1);
}
