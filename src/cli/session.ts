import { join, resolve } from "@std/path";
import { ENGINE_COMMAND, ENGINE_MODULE } from "../engine/child.ts";
import { loadEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/face.ts";
import type { LoadPlan } from "../engine/plan.ts";
import type { LoadOptions } from "../engine/protocol.ts";
import { availableMemory } from "../engine/system.ts";
import { discover, placesOf, processSurroundings } from "../models/discover.ts";
import type { Lora, ModelEntry } from "../models/entry.ts";
import { KEEP_ALL, type LoadPolicy } from "../models/loads.ts";
import { parseLora } from "../models/lora.ts";
import { memoryNeed } from "../models/need.ts";
import { createPool, type Registry } from "../models/registry.ts";
import type { LoadEngine } from "../models/slot.ts";
import { type OwnCommand, ownCommand } from "../own_command.ts";
import { cacheDirectory } from "../runtime/paths.ts";
import type { Progress, Selection } from "../runtime/mod.ts";
import { bytes } from "./format.ts";
import { placementOptions } from "./placement_options.ts";
import type { Session, SessionChange, SessionRequest, World } from "./world.ts";

/** Puts models, libllama and engines together as the command line says. */
export function openSession(request: SessionRequest, world: World): Promise<Session> {
  return Promise.resolve(new RealSession(request, world));
}

class RealSession implements Session {
  readonly pool: Registry;
  #request: SessionRequest;
  readonly #world: World;
  readonly #say: (line: string) => void;
  readonly #closing = new AbortController();
  readonly #told = new Set<string>();
  #selection: Promise<Selection> | null = null;

  constructor(request: SessionRequest, world: World) {
    const { globals, named, config } = request;
    const base = request.preferred === undefined
      ? request.base ?? config?.options["model-path"]?.[0] ??
        (world.env("SHIMMY_BASE_GGUF") || undefined)
      : undefined;
    this.#request = request;
    this.#world = world;
    this.#say = request.say ?? ((line) => world.output.note(line));
    const places = () =>
      placesOf({
        base,
        modelDirs: this.#request.globals["model-dirs"] ?? undefined,
        cacheFolder: () => cacheDirectory(world.env),
      }, { ...processSurroundings(), env: world.env });
    this.pool = createPool({
      discover: () => discover(places()),
      load: this.#load,
      base,
      preferred: request.preferred,
      loras: defaultLoras(globals.lora, named, world),
      plan: this.#plan,
      paths: request.paths,
      config: config?.models,
      policy: this.#policy,
      say: this.#say,
      keyOf: (entry) => loadKey(entry, this.#request),
    });
  }

  async choose(): Promise<ModelEntry> {
    const { named, globals } = this.#request;
    const entry = await this.pool.resolve(named);
    if (named !== undefined) return { ...entry, loras: [...entry.loras, ...globals.lora] };
    if (entry.source === "builtin") {
      this.#say(`No model was found; the built-in ${entry.name} answers`);
    }
    return entry;
  }

  async configure(change: SessionChange): Promise<void> {
    this.#request = { ...this.#request, ...change };
    await this.pool.configure(change.config?.models, this.#policy);
  }

  async library(): Promise<void> {
    const { runtime, devices, note } = await this.#select();
    if (note !== null && this.#told.has(note)) return;
    const on = devices.length === 0 ? "the CPU" : `${runtime.variant}: ${devices.join(", ")}`;
    this.#say(note ?? `Models run on ${on}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.pool[Symbol.asyncDispose]();
  }

  readonly #load: LoadEngine = async (entry, { onProgress, signal }): Promise<Engine> => {
    const { output } = this.#world;
    const selection = await this.#select();
    const showProgress = (fraction: number) => {
      onProgress(fraction);
      output.progress(`Loading ${entry.name} ${Math.floor(fraction * 100)} %`);
    };
    try {
      const options = await this.#options(entry, selection);
      const { isolate } = this.#request;
      const { globals } = requestFor(entry, this.#request);
      const onDevices = selection.devices.length > 0;
      const fit = onDevices && globals["gpu-layers"] === null;
      const engine = await loadEngine(
        fit ? await (await import("./fitting.ts")).fitted(globals, options, signal) : options,
        {
          onProgress: showProgress,
          signal,
          // A driver that crashes takes its process along: a model on a device has its own.
          isolate: isolate === true || onDevices ? this.#engineCommand() : undefined,
        },
      );
      output.progress(null);
      for (const note of engine.info.notes) this.#say(note);
      return engine;
    } finally {
      output.progress(null);
    }
  };

  get #policy(): LoadPolicy {
    const { residence } = this.#request;
    if (residence === undefined) return KEEP_ALL;
    return {
      keepAlive: residence.keepAlive,
      maxModels: residence.maxModels ?? Infinity,
      memory: {
        available: availableMemory,
        need: async (entry) => {
          const options = loadOptions(entry, await this.#select(), this.#request);
          return await memoryNeed(entry, options, availableMemory());
        },
      },
    };
  }

  get #sessionFolder(): string {
    return join(cacheDirectory(this.#world.env), "sessions");
  }

  /** A model's process may write nothing but sessions. */
  #engineCommand(): OwnCommand {
    return ownCommand(ENGINE_COMMAND, ENGINE_MODULE, {
      rights: [`--allow-write=${this.#sessionFolder}`],
    });
  }

  readonly #plan = async (entry: ModelEntry, signal?: AbortSignal): Promise<LoadPlan> => {
    const options = await this.#options(entry, await this.#select());
    const { planUnder } = await import("./fitting.ts");
    return await planUnder(requestFor(entry, this.#request).globals, options, signal);
  };

  async #options(entry: ModelEntry, selection: Selection): Promise<LoadOptions> {
    const { draft } = this.#request.globals;
    return loadOptions(entry, selection, this.#request, {
      draft: draft === null ? undefined : await this.pool.resolve(draft),
      sessionFolder: this.#sessionFolder,
    });
  }

  /** Finds the libraries once; a failure is tried again. */
  async #select(): Promise<Selection> {
    const selection = this.#selection ??= this.#find();
    try {
      return await selection;
    } catch (error) {
      if (this.#selection === selection) this.#selection = null;
      throw error;
    } finally {
      this.#world.output.progress(null);
    }
  }

  async #find(): Promise<Selection> {
    const { selectRuntime } = await import("../runtime/mod.ts");
    const selection = await selectRuntime(this.#request.globals["gpu-backend"], {
      cacheDir: cacheDirectory(this.#world.env),
      folder: this.#world.env("SHIMMY_LIBLLAMA") || undefined,
      onProgress: fetchProgress(this.#world, this.#say),
      signal: this.#closing.signal,
    });
    // Where no driver is, nobody expects a GPU; where one is and fails, it is told before anything runs.
    if (selection.note !== null && selection.reports.length > 0) {
      this.#told.add(selection.note);
      this.#say(selection.note);
    }
    if (this.#request.globals.verbose) {
      this.#say(`libllama is in ${selection.runtime.folder} (${selection.runtime.source})`);
    }
    return selection;
  }
}

/** Shows a download where it can be watched, and tells once of it where not. */
export function fetchProgress(
  { output }: World,
  say: (line: string) => void,
): (progress: Progress) => void {
  const told = new Set<string>();
  return ({ what, bytes: count, total }) => {
    if (!told.has(what)) {
      told.add(what);
      say(`Fetching ${what}${total === null ? "" : ` (${bytes(total)})`}`);
    }
    output.progress(`${what}: ${bytes(count)}${total === null ? "" : ` of ${bytes(total)}`}`);
  };
}

/** `--lora` is for the model that is named, if one is; `SHIMMY_LORA_GGUF` always for the default. */
function defaultLoras(
  chosen: readonly Lora[],
  named: string | undefined,
  world: World,
): readonly Lora[] {
  if (chosen.length > 0) return named === undefined ? chosen : [];
  const inherited = world.env("SHIMMY_LORA_GGUF");
  return inherited ? [parseLora(inherited, "SHIMMY_LORA_GGUF")] : [];
}

/** A request with what the configuration says of one model in place of what holds for all. */
function requestFor<R extends LoadRequest>(entry: ModelEntry, request: R): R {
  const { contextLength, parallel, kvType, gpuLayers } = entry.settings ?? {};
  const { globals } = request;
  return {
    ...request,
    parallel: parallel ?? request.parallel,
    globals: {
      ...globals,
      ctx: contextLength ?? globals.ctx,
      "kv-type": kvType ?? globals["kv-type"],
      "gpu-layers": gpuLayers === undefined ? globals["gpu-layers"] : gpuLayers,
    },
  };
}

/** What decides how models are loaded. */
type LoadRequest = Pick<SessionRequest, "globals" | "parallel">;

/** The same for all loads of a model that would give the same engine. */
function loadKey(entry: ModelEntry, request: LoadRequest): string {
  const { globals, parallel } = requestFor(entry, request);
  const { "model-dirs": _dirs, lora: _lora, config: _config, verbose: _verbose, ...rest } = globals;
  return JSON.stringify([entry.paths, entry.loras, parallel, rest]);
}

/** The global options as the engine takes them. */
export function loadOptions(
  entry: ModelEntry,
  { runtime, devices }: Pick<Selection, "runtime" | "devices">,
  request: LoadRequest,
  more: { readonly draft?: ModelEntry | undefined; readonly sessionFolder?: string } = {},
): LoadOptions {
  const { globals, parallel } = requestFor(entry, request);
  return {
    libraryFolder: runtime.folder,
    modelPaths: entry.paths,
    loras: entry.loras.map(({ path, scale }) => ({ path: resolve(path), scale })),
    devices,
    gpuLayers: globals["gpu-layers"] ?? (devices.length > 0 ? -1 : 0),
    ...placementOptions(globals),
    contextLength: globals.ctx,
    parallel,
    batchSize: globals.batch,
    threads: globals.threads,
    kvType: globals["kv-type"],
    flashAttention: globals["flash-attn"],
    kvUnified: globals["kv-unified"],
    lookup: globals.lookup === "on",
    contextShift: globals["context-shift"],
    ...(more.draft === undefined ? {} : { draftPaths: more.draft.paths }),
    ...(more.sessionFolder === undefined ? {} : { sessionFolder: more.sessionFolder }),
    verbose: globals.verbose,
  };
}
