import { collectEvents, type Engine } from "../../../engine/mod.ts";
import type {
  EmbeddingStatus,
  EmbedInput,
  ModelInfo,
  SequenceEvent,
  SequenceRequest,
} from "../../../engine/protocol/mod.ts";
import {
  capabilitiesOf,
  devicesJson,
  embeddingJson,
  type ModelEntry,
  placementJson,
} from "../../../models/entry/mod.ts";
import { canRunItself } from "../../../own_command.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { buffers, bytes, contextBuffers, fields } from "../../output/mod.ts";
import { MODEL_OPTIONS, nameOf, openNamedModel, PULL_OPTIONS } from "../../sessions/mod.ts";
import { flag } from "../../options/mod.ts";

/** `probe`: loads a model with its adapters, computes one token, embedding or score, and reports. */
export default command({
  operands: ["NAME"],
  options: { "json": flag({ help: "print JSON" }), ...MODEL_OPTIONS, ...PULL_OPTIONS },
  run: ({ values, globals, config, operands }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const asked = nameOf("probe", values.name, operands[0]);
      // A damaged file can end the process that loads it.
      const isolate = await canRunItself();
      const request = { asked, yes: values.yes, globals, config, isolate, signal };
      await using session = await openNamedModel(environment, request);
      const entry = await session.selectModel();
      const engine = await session.registry.engine(entry, signal);
      const { info } = engine;
      const firstMs = info.kind === "language" ? await decodeOne(engine) : await embedOne(engine);
      const { embedding } = await engine.status();
      const report = reportOf(entry, info, firstMs, embedding);
      await environment.output.print(
        values.json ? JSON.stringify(report) : readable(report, info, embedding),
      );
      return EXIT.ok;
    }),
});

/** Milliseconds from submission to the first token. */
async function decodeOne(engine: Engine): Promise<number> {
  const request: SequenceRequest = {
    prompt: [{ text: "Hello", special: false }],
    maxTokens: 1,
    sampling: { temperature: 0 },
    stop: [],
    ignoreEos: true,
  };
  let firstTokenMs = 0;
  await collectEvents<SequenceEvent>((sink) => engine.generate(request, sink), (event) => {
    if (event.type === "done") firstTokenMs = event.timings.firstTokenMs;
  });
  return firstTokenMs;
}

/** Milliseconds for one embedding or score. */
async function embedOne(engine: Engine): Promise<number> {
  const input: EmbedInput = engine.info.kind === "rerank"
    ? { field: "input", query: "Hello", document: "Hello" }
    : { field: "input", text: "Hello" };
  const start = performance.now();
  await engine.embed({ inputs: [input], normalize: true });
  return performance.now() - start;
}

/** The report for `--json`: bytes and milliseconds. */
function reportOf(
  entry: ModelEntry,
  info: ModelInfo,
  firstMs: number,
  embedding: EmbeddingStatus | null,
) {
  const isLanguage = info.kind === "language";
  return {
    model: entry.name,
    description: info.description,
    kind: info.kind,
    capabilities: capabilitiesOf(info, info),
    load_ms: info.loadMs,
    first_token_ms: isLanguage ? firstMs : null,
    first_vector_ms: isLanguage ? null : firstMs,
    model_bytes: info.size,
    process_bytes: info.processBytes,
    context_length: info.contextLength,
    layers: info.layers,
    offloaded_layers: info.offloadedLayers,
    placement: placementJson(info.placement),
    embedding: embeddingJson(embedding),
    devices: devicesJson(info.devices),
    loras: entry.loras,
    notes: info.notes,
  };
}

function readable(
  report: ReturnType<typeof reportOf>,
  info: ModelInfo,
  embedding: EmbeddingStatus | null,
): string {
  const [first, firstMs] = report.first_vector_ms === null
    ? ["first token", report.first_token_ms!]
    : [info.kind === "rerank" ? "rerank score" : "embedding", report.first_vector_ms];
  return fields([
    ["model", report.model],
    ["description", report.description],
    ["capabilities", report.capabilities.join(", ")],
    ["load time", `${report.load_ms.toFixed(0)} ms`],
    [first, `${firstMs.toFixed(1)} ms`],
    ["model memory", bytes(report.model_bytes)],
    ["process memory", bytes(report.process_bytes)],
    ["context length", `${report.context_length} tokens`],
    ...info.placement.map((part) =>
      [
        part.device,
        [`${part.layers} of ${report.layers + 1} layers`, ...buffers(part)].join(", "),
      ] as const
    ),
    ...(embedding?.memory ?? []).map((part) =>
      [
        "embeddings",
        [`${part.device}, ${embedding!.contextLength} tokens per batch`, ...contextBuffers(part)]
          .join(", "),
      ] as const
    ),
    ...report.devices.map(({ name, description, memory_free, memory_total }) =>
      [
        "device",
        `${name}, ${description}, ${bytes(memory_free)} of ${bytes(memory_total)} free`,
      ] as const
    ),
    ...report.loras.map(({ path, scale }) => ["adapter", `${path} at ${scale}`] as const),
    ...info.notes.map((note) => ["note", note] as const),
  ]);
}
