import { capabilitiesOf } from "../../models/capabilities.ts";
import { type GgufValue, readHead } from "../../models/gguf.ts";
import { command, EXIT } from "../command.ts";
import { bytes, facts, parameters } from "../format.ts";
import { flag } from "../option_kinds.ts";
import { entryJson } from "./list.ts";

/** Longer values, such as licenses, are cut where a person reads them. */
const MAX_SHOWN = 200;

/** `show`: what a model's file says of itself, without loading it. */
export default command({
  operands: ["NAME"],
  options: { "json": flag({ help: "print JSON" }) },
  run: async ({ values, globals, config, operands }, { output, openSession }) => {
    await using session = await openSession({
      globals,
      config,
      named: operands[0],
      parallel: 1,
      paths: "any",
    });
    const entry = await session.choose();
    const { metadata, tensors } = await readHead(entry.paths[0]!);
    if (values.json) {
      await output.print(JSON.stringify({
        ...entryJson(entry),
        capabilities: capabilitiesOf(entry),
        tensors,
        chat_template: entry.chatTemplate,
        ...(entry.ollama === undefined ? {} : { ollama: entry.ollama }),
        metadata: Object.fromEntries([...metadata].map(([key, value]) => [key, plain(value)])),
      }));
      return EXIT.ok;
    }
    await output.print(facts([
      ["name", entry.name],
      ["kind", entry.kind],
      ["capabilities", capabilitiesOf(entry).join(", ")],
      ["architecture", entry.architecture],
      ["parameters", parameters(entry.parameters)],
      ["quantization", entry.quantization],
      ["context length", String(entry.contextLength ?? "unknown")],
      ["embedding length", String(entry.embeddingLength ?? "unknown")],
      ["size", bytes(entry.size)],
      ["chat template", entry.chatTemplate === null ? "none" : "its own"],
      ["source", entry.source],
      ...entry.paths.map((path) => ["file", path] as const),
      ...entry.loras.map(({ path, scale }) => ["adapter", `${path} at ${scale}`] as const),
      ...Object.entries(entry.ollama ?? {}).map(([layer, path]) =>
        [`Ollama's ${layer}`, path] as const
      ),
    ]));
    await output.print("");
    await output.print(facts([...metadata].map(([key, value]) => [key, shown(value)] as const)));
    return EXIT.ok;
  },
});

/** A value that JSON can carry. */
function plain(value: GgufValue): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function shown(value: GgufValue): string {
  if (typeof value === "object") return `${value.count} values of type ${value.elementType}`;
  const text = String(value).replaceAll(/\s+/g, " ");
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
