import type { Engine } from "../../engine/face.ts";
import type { ModelInfo } from "../../engine/protocol.ts";
import type { ModelEntry } from "../../models/entry.ts";
import { command, EXIT } from "../command.ts";
import { bytes, facts } from "../format.ts";
import { openNamed, PULL_OPTIONS } from "../named_session.ts";
import { flag } from "../option_kinds.ts";
import { buffers, placementJson } from "../placement.ts";
import { stoppable } from "../stop.ts";

/** `probe`: loads a model with its adapters, decodes one token and reports. */
export default command({
  operands: ["NAME"],
  options: { "json": flag({ help: "print JSON" }), ...PULL_OPTIONS },
  run: ({ values, globals, config, operands }, world) =>
    stoppable(world, EXIT.interrupted, async (signal) => {
      const request = { asked: operands[0], yes: values.yes, globals, config, signal };
      await using session = await openNamed(world, request);
      const entry = await session.choose();
      const engine = await session.pool.engine(entry, signal);
      const report = reportOf(entry, engine, await decodeOne(engine));
      await world.output.print(
        values.json ? JSON.stringify(report) : readable(report, engine.info),
      );
      return EXIT.ok;
    }),
});

/** Milliseconds from submission to the first token. */
async function decodeOne(engine: Engine): Promise<number> {
  const run = engine.generate({
    prompt: [{ text: "Hello", special: false }],
    maxTokens: 1,
    sampling: { temperature: 0 },
    stop: [],
    ignoreEos: true,
  });
  let firstTokenMs = 0;
  for await (const event of run) {
    if (event.type === "done") firstTokenMs = event.timings.firstTokenMs;
  }
  return firstTokenMs;
}

/** For a program to read: bytes and milliseconds. */
function reportOf(entry: ModelEntry, { info }: Engine, firstTokenMs: number) {
  return {
    model: entry.name,
    description: info.description,
    load_ms: info.loadMs,
    first_token_ms: firstTokenMs,
    model_bytes: info.size,
    process_bytes: info.processBytes,
    context_length: info.contextLength,
    layers: info.layers,
    offloaded_layers: info.offloadedLayers,
    placement: placementJson(info.placement),
    devices: info.devices.map((device) => ({
      name: device.name,
      description: device.description,
      kind: device.kind,
      backend: device.backend,
      memory_free: device.memoryFree,
      memory_total: device.memoryTotal,
    })),
    loras: entry.loras,
    notes: info.notes,
  };
}

function readable(report: ReturnType<typeof reportOf>, info: ModelInfo): string {
  return facts([
    ["model", report.model],
    ["description", report.description],
    ["loaded in", `${report.load_ms.toFixed(0)} ms`],
    ["first token after", `${report.first_token_ms.toFixed(1)} ms`],
    ["model's memory", bytes(report.model_bytes)],
    ["process's memory", bytes(report.process_bytes)],
    ["context length", `${report.context_length} tokens`],
    ...info.placement.map((part) =>
      [
        part.device,
        [`${part.layers} of ${report.layers + 1} layers`, ...buffers(part)].join(", "),
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
