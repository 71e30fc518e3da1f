import type { LoadPlan } from "../../../engine/planning/mod.ts";
import {
  capabilitiesOf,
  type ModelEntry,
  placementJson,
  shapeJson,
} from "../../../models/entry/mod.ts";
import { type GgufHeader, type GgufValue, readHeader } from "../../../models/gguf/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { buffers, bytes, fields, memoryFields, parameters } from "../../output/mod.ts";
import { MODEL_OPTIONS, nameOf, openNamedModel, PULL_OPTIONS } from "../../sessions/mod.ts";
import { flag } from "../../options/mod.ts";
import { entryJson } from "./list.ts";

/** Maximum characters of a metadata value, such as a license, in the table. */
const MAX_SHOWN = 200;

/** `show`: shows the metadata of a model and, with `--placement`, its planned placement. */
export default command({
  operands: ["NAME"],
  options: {
    "placement": flag({ help: "show the planned placement on devices too" }),
    "json": flag({ help: "print JSON" }),
    ...MODEL_OPTIONS,
    ...PULL_OPTIONS,
  },
  run: ({ values, globals, config, operands }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const asked = nameOf("show", values.name, operands[0]);
      // As `serve` loads it.
      const request = { asked, yes: values.yes, globals, config, parallel: 0, signal };
      await using session = await openNamedModel(environment, request);
      const entry = await session.selectModel();
      const head = await readHeader(entry.paths[0]!);
      const plan = values.placement ? await session.registry.plan(entry, signal) : null;
      const { output } = environment;
      if (values.json) await output.print(JSON.stringify(reportOf(entry, head, plan)));
      else await output.print(readable(entry, head, plan));
      return EXIT.ok;
    }),
});

/** The report for `--json`. */
function reportOf(entry: ModelEntry, { metadata, tensors }: GgufHeader, plan: LoadPlan | null) {
  return {
    ...entryJson(entry),
    capabilities: capabilitiesOf(entry),
    tensors,
    ...(plan === null ? {} : {
      placement: placementJson(plan.devices),
      context: shapeJson(plan.shape),
      memory: plan.memory,
    }),
    chat_template: entry.chatTemplate,
    ...(entry.ollama === undefined ? {} : { ollama: entry.ollama }),
    metadata: Object.fromEntries([...metadata].map(([key, value]) => [key, plain(value)])),
  };
}

function readable(entry: ModelEntry, { metadata }: GgufHeader, plan: LoadPlan | null): string {
  const known = fields([
    ["name", entry.name],
    ["kind", entry.kind],
    ["capabilities", capabilitiesOf(entry).join(", ")],
    ["architecture", entry.architecture],
    ["parameters", parameters(entry.parameters)],
    ["quantization", entry.quantization],
    ["context length", String(entry.contextLength ?? "unknown")],
    ["embedding length", String(entry.embeddingLength ?? "unknown")],
    ["size", bytes(entry.size)],
    ["chat template", entry.chatTemplate === null ? "none" : "in the file"],
    ["source", entry.source],
    ...entry.paths.map((path) => ["file", path] as const),
    ...(entry.projector === undefined ? [] : [["projector", entry.projector] as const]),
    ...entry.loras.map(({ path, scale }) => ["adapter", `${path} at ${scale}`] as const),
    ...Object.entries(entry.ollama ?? {}).map(([layer, path]) =>
      [`Ollama ${layer}`, path] as const
    ),
    ...(plan === null ? [] : [["context", plan.shape.reason] as const, ...memoryFields(plan)]),
    ...(plan?.devices ?? []).map((part) =>
      [
        part.device,
        [`${part.layers} of ${plan!.layers} layers`, ...buffers(part)].join(", "),
      ] as const
    ),
  ]);
  return `${known}\n\n${fields([...metadata].map(([key, value]) => [key, shown(value)] as const))}`;
}

/** A metadata value as JSON: 64-bit integers become texts. */
function plain(value: GgufValue): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function shown(value: GgufValue): string {
  if (typeof value === "object") return `${value.count} values of type ${value.elementType}`;
  const text = String(value).replaceAll(/\s+/g, " ");
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
