/**
 * A program that takes the arguments of llama-server and serves Shimmy with the options that match.
 *
 *     deno run -A tests/llama_server/launcher.ts --port 8080 --hf-repo ... --ctx-size 512
 */
import { join } from "node:path";
import type { Pooling } from "../models/encoders.ts";
import { LOCK, MAIN } from "../support/source.ts";
import { parseServerArguments, type ServerArguments } from "./arguments.ts";
import { modelFor, withTemplate } from "./models.ts";

/** Contexts of llama-server without `--ctx-size`. */
const DEFAULT_CONTEXT = 4096;

/** Slots of llama-server without `--parallel`. */
const DEFAULT_SLOTS = 4;

/** Time that the server has to stop. */
const STOP_MS = 1500;

const DEFAULT_REPOSITORY = "ggml-org/test-model-stories260K";

function number(given: string | undefined): number | undefined {
  return given === undefined ? undefined : Number(given);
}

/** Tokens of one slot: the slots share `--ctx-size`. */
function contextOf(values: ServerArguments): number {
  const total = number(values["ctx-size"]) ?? DEFAULT_CONTEXT;
  const slots = number(values.parallel) ?? DEFAULT_SLOTS;
  return values["kv-unified"] ? total : Math.floor(total / slots);
}

/** Names that llama-server gives a model: it sorts its aliases. */
function namesOf(values: ServerArguments): readonly [string, ...string[]] {
  const given = (values.alias ?? "").split(",").filter((name) => name !== "").sort();
  const [first = "model", ...others] = given;
  return [first, ...others];
}

/** The model's file; with the chat template that the arguments name, if they name one. */
async function fileOf(values: ServerArguments, folder: string): Promise<string> {
  const file = values.model ?? await modelFor(
    folder,
    values["hf-repo"] ?? DEFAULT_REPOSITORY,
    values["hf-file"] ?? "",
    values.pooling as Pooling | undefined,
  );
  if (file === null) throw new Error(`launcher: no model stands for ${values["hf-repo"]}`);
  return await named(await withGivenTemplate(file, values, folder), namesOf(values)[0], folder);
}

/** The file under the model's name, because a model has the name of its file as an alias. */
async function named(file: string, name: string, folder: string): Promise<string> {
  if (!file.startsWith(folder) || !/^[\w.-]+$/.test(name)) return file;
  const renamed = join(folder, `${name}.gguf`);
  await Deno.rename(file, renamed);
  return renamed;
}

async function withGivenTemplate(
  file: string,
  values: ServerArguments,
  folder: string,
): Promise<string> {
  const template = values["chat-template-file"] === undefined
    ? values["chat-template"]
    : await Deno.readTextFile(values["chat-template-file"]);
  // Names of llama-server's own templates: the model's own is ChatML.
  if (template === undefined || /^[\w.-]+$/.test(template)) return file;
  const changed = join(folder, "with-template.gguf");
  await Deno.writeFile(changed, withTemplate(await Deno.readFile(file), template));
  return changed;
}

function configOf(values: ServerArguments, file: string) {
  const [name, ...others] = namesOf(values);
  const limit = number(values["n-predict"]) ?? -1;
  return {
    models: {
      [name]: {
        path: file,
        alias: others,
        ...(values.tags === undefined ? {} : { tags: values.tags.split(",") }),
        ...(limit < 0 ? {} : { max_tokens: limit }),
      },
    },
    aliases: { "*": name },
    defaults: { temperature: number(values.temp), seed: number(values.seed) },
  };
}

function optionsOf(values: ServerArguments, config: string): string[] {
  const option = (name: string, value: string | undefined) =>
    value === undefined ? [] : [name, value];
  return [
    ...["serve", "--bind", `${(values.host ?? "127.0.0.1").split(",")[0]}:${values.port ?? 8080}`],
    // One process starts faster, and the suite starts hundreds of servers.
    ...["--in-process", "--config", config, "--ctx", String(contextOf(values))],
    ...["--parallel", values.parallel ?? String(DEFAULT_SLOTS)],
    // More threads would wait for each other on a busy machine.
    ...["--threads", values.threads ?? "1"],
    ...option("--batch", values["batch-size"]),
    ...option("--kv-type", values["cache-type-k"]),
    ...option("--flash-attn", values["flash-attn"]),
    ...option("--api-key", values["api-key"]),
    ...(values["cors-origins"] ?? "").split(",").filter((one) => one !== "")
      .flatMap((origin) => ["--cors-origin", origin]),
    ...(values.lora ?? []).flatMap((file) => ["--lora", file]),
    ...option("--draft", values["model-draft"]),
    ...(values["kv-unified"] ? ["--kv-unified"] : []),
    ...(values["swa-full"] ? ["--swa-full", "on"] : []),
    ...(values["context-shift"] ? ["--context-shift"] : []),
  ];
}

/** The environment of a machine that has no other models. */
function environmentOf(folder: string, values: ServerArguments): Record<string, string> {
  const inherited = ["PATH", "DENO_DIR", "DENO_TLS_CA_STORE", "LANG", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(inherited),
    HOME: folder,
    XDG_CACHE_HOME: values["slot-save-path"] ?? join(folder, "cache"),
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
}

async function launch(args: readonly string[]): Promise<number> {
  const { values, ignored } = parseServerArguments(args);
  if (ignored.length > 0) console.error(`launcher: without counterpart: ${ignored.join(" ")}`);
  const folder = await Deno.makeTempDir({ prefix: "shimmy-llama-server-" });
  try {
    const config = join(folder, "shimmy.json");
    const file = await fileOf(values, folder);
    await Deno.writeTextFile(config, JSON.stringify(configOf(values, file)));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", LOCK, "--allow-all", MAIN, ...optionsOf(values, config)],
      clearEnv: true,
      env: environmentOf(folder, values),
      stdin: "null",
    }).spawn();
    const stop = () => {
      child.kill("SIGTERM");
      // The suite kills this program after five seconds, and the port must be free then.
      setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    };
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGINT", stop);
    const { code } = await child.status;
    return code;
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

if (import.meta.main) Deno.exit(await launch(Deno.args));
