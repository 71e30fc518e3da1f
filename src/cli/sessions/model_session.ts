import { availableMemory, type Engine, loadEngine } from "../../engine/mod.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { LoadOptions, ModelInfo } from "../../engine/protocol/mod.ts";
import { discover, modelSources, processEnvironment } from "../../models/discovery/mod.ts";
import {
  expandHome,
  homeFolder,
  type Lora,
  type ModelEntry,
  parseLora,
} from "../../models/entry/mod.ts";
import {
  createPool,
  KEEP_ALL,
  type LoadEngine,
  type LoadPolicy,
  type Registry,
  withAliases,
} from "../../models/registry/mod.ts";
import {
  estimateMainMemory,
  type EstimateOptions,
  MAIN_MEMORY,
  type MemoryEstimate,
} from "../../models/memory/mod.ts";
import { cacheDirectory } from "../../runtime/library/paths.ts";
import type { Progress, Selection } from "../../runtime/mod.ts";
import { defaultModel } from "./default_model.ts";
import { checkPlacement } from "../options/mod.ts";
import { bytes } from "../output/mod.ts";
import { checkVocabulary } from "./check_vocabulary.ts";
import { engineCommand, sessionFolder } from "./engine_command.ts";
import { diskCacheOf, loadKey, loadOptions, type LoadTarget, requestFor } from "./load_options.ts";
import { sharedCacheOf } from "./shared_cache.ts";
import { type NamedProjector, namedProjector, withNamedProjector } from "./named_projector.ts";
import type { RpcTunnels } from "./rpc_tunnels.ts";
import type {
  Environment,
  ModelSession,
  ModelSessionChange,
  ModelSessionRequest,
} from "../environment/mod.ts";

/** Connects the model registry, libllama and engines as the options require. */
export async function openModelSession(
  request: ModelSessionRequest,
  environment: Environment,
): Promise<ModelSession> {
  return new RegistrySession(request, environment, await namedProjector(request.globals));
}

class RegistrySession implements ModelSession {
  readonly registry: Registry;
  #request: ModelSessionRequest;
  /** That of `--mmproj`. */
  #projector: NamedProjector | null;
  readonly #environment: Environment;
  readonly #notify: (line: string) => void;
  readonly #closing = new AbortController();
  #selection: Promise<Selection> | null = null;
  #tunnels: Promise<RpcTunnels | undefined> | null = null;
  /** Loaded models whose contexts may take main memory. */
  readonly #claims = new Set<Engine>();
  /** Keys of loads under the present request: each chat request asks for them several times. */
  #keys = new WeakMap<ModelEntry, string>();
  /** Plans of models that the memory admission has accepted and that are not loaded yet. */
  readonly #plans = new WeakMap<ModelEntry, LoadPlan>();

  constructor(
    request: ModelSessionRequest,
    environment: Environment,
    projector: NamedProjector | null,
  ) {
    const { globals, named, config } = request;
    const base = request.preferred === undefined
      ? request.base ?? defaultModel(environment, config)
      : undefined;
    this.#request = request;
    this.#projector = projector;
    this.#environment = environment;
    this.#notify = request.notify ?? ((line) => environment.output.note(line));
    const sources = () =>
      modelSources({
        base,
        modelDirs: this.#request.globals["model-dirs"],
        cacheFolder: () => cacheDirectory(environment.env),
      }, { ...processEnvironment(), env: environment.env, home: homeFolder(environment.env) });
    this.registry = createPool({
      discover: () => discover(sources()),
      load: this.#load,
      base,
      preferred: request.preferred,
      loras: defaultLoras(globals.lora, named, environment),
      plan: this.#plan,
      paths: request.paths,
      withProjector: (entry) => withNamedProjector(entry, this.#request.globals, this.#projector),
      config: withAliases(config?.models, request.aliases ?? {}),
      policy: this.#policy,
      log: this.#notify,
      engineKey: (entry) => this.#keyOf(entry),
    });
  }

  async selectModel(): Promise<ModelEntry> {
    const { named, globals } = this.#request;
    const entry = await this.registry.resolve(named);
    if (named !== undefined) return { ...entry, loras: [...entry.loras, ...globals.lora] };
    if (entry.source === "builtin") {
      this.#notify(`No model was found; using the built-in model ${entry.name}`);
    }
    return entry;
  }

  async configure(change: ModelSessionChange): Promise<void> {
    this.#projector = await namedProjector(change.globals);
    this.#request = { ...this.#request, ...change };
    this.#keys = new WeakMap();
    const config = withAliases(change.config?.models, change.aliases ?? {});
    await this.registry.configure(config, this.#policy);
  }

  #keyOf(entry: ModelEntry): string {
    const known = this.#keys.get(entry);
    if (known !== undefined) return known;
    const key = loadKey(entry, this.#request);
    this.#keys.set(entry, key);
    return key;
  }

  async prepareLibrary(): Promise<void> {
    const { runtime, devices, note } = await this.#select();
    const { rpc, verbose } = this.#request.globals;
    if (rpc.length > 0) this.#notify(`RPC workers: ${rpc.map(({ text }) => text).join(", ")}`);
    // With --verbose the note is there already.
    if (note !== null && verbose) return;
    const on = devices.length === 0 ? "the CPU" : `${runtime.variant}: ${devices.join(", ")}`;
    this.#notify(note ?? `Running on ${on}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.registry[Symbol.asyncDispose]();
    (await this.#tunnels?.catch(() => undefined))?.[Symbol.dispose]();
  }

  readonly #load: LoadEngine = async (entry, { onProgress, signal }): Promise<Engine> => {
    const { output } = this.#environment;
    const selection = await this.#target(entry, signal);
    const showProgress = (fraction: number) => {
      onProgress(fraction);
      output.progress(`Loading ${entry.name} ${Math.floor(fraction * 100)} %`);
    };
    try {
      const options = await this.#options(entry, selection);
      const { isolate } = this.#request;
      const onDevices = selection.devices.length > 0;
      const engine = await loadEngine(
        onDevices
          ? await this.#withPlan(entry, options, signal)
          : { ...options, memoryClaimed: this.#claimed },
        {
          onProgress: showProgress,
          signal,
          // A crash of a GPU driver ends its process, so that a model on a GPU has its own process.
          isolate: isolate === true || onDevices
            ? engineCommand(this.#environment.env, options.diskCache?.folder, options.sharedCache)
            : undefined,
          onNotice: (notice) => this.#notify(`${entry.name}: ${notice}`),
        },
      );
      output.progress(null);
      this.#report(entry, engine.info);
      if (!onDevices) this.#claim(engine);
      return engine;
    } finally {
      output.progress(null);
    }
  };

  /** Reports the notes of a load; a server also reports the shape of the context. */
  #report({ name }: ModelEntry, { notes, shape }: ModelInfo): void {
    for (const note of notes) this.#notify(note);
    if (shape === null || this.#request.residency === undefined) return;
    this.#notify(`Context of ${name} (KV cache of ${bytes(shape.kvBytes)}): ${shape.reason}`);
  }

  /**
   * Counts the KV cache of a model on the CPU until the model is unloaded. Its unused cells are not
   * resident, so that the system reports their memory as available.
   */
  #claim(engine: Engine): void {
    this.#claims.add(engine);
    void engine.closed.then(() => this.#claims.delete(engine));
  }

  get #claimed(): number {
    // A context may have been replaced by a larger one.
    return this.#claims.values().reduce((sum, { info }) => sum + (info.shape?.kvBytes ?? 0), 0);
  }

  get #policy(): LoadPolicy {
    const { residency } = this.#request;
    if (residency === undefined) return KEEP_ALL;
    return {
      keepAlive: residency.keepAlive,
      maxModels: residency.maxModels ?? Infinity,
      memory: {
        available: availableMemory,
        estimate: (entry, options) => this.#estimate(entry, options),
      },
    };
  }

  /** The memory that a model needs. On a GPU it comes from a plan, which the load then follows. */
  async #estimate(
    entry: ModelEntry,
    { fitLayers, onDevices, signal }: EstimateOptions,
  ): Promise<MemoryEstimate> {
    // The load that follows tells which workers are left out.
    const selection = await this.#target(entry, signal, () => {});
    const options = await this.#options(entry, selection);
    const { globals } = requestFor(entry, this.#request);
    if (selection.devices.length === 0 || options.gpuLayers === 0) {
      const free = availableMemory();
      const left = free - this.#claimed;
      const required = await estimateMainMemory(entry, options, left, await this.#draft());
      return {
        requirements: [{ memory: MAIN_MEMORY, required, free }],
        canOffloadLess: false,
      };
    }
    const { estimateOf, planModel } = await import("./plan_model.ts");
    const canOffloadLess = globals["gpu-layers"] === null;
    const layers = canOffloadLess && !fitLayers ? -1 : globals["gpu-layers"];
    const plan = await planModel({ ...globals, "gpu-layers": layers }, options, {
      held: onDevices,
      signal,
    });
    if (canOffloadLess) this.#plans.set(entry, plan);
    return estimateOf(plan, canOffloadLess);
  }

  /** Options with as many offloaded layers as fit, for `--gpu-layers auto`. */
  async #withPlan(
    entry: ModelEntry,
    options: LoadOptions,
    signal: AbortSignal,
  ): Promise<LoadOptions> {
    const { globals } = requestFor(entry, this.#request);
    if (globals["gpu-layers"] !== null) return options;
    const { withPlan, planModel } = await import("./plan_model.ts");
    // The plan of the memory admission still holds: nothing was loaded since.
    const known = this.#plans.get(entry);
    this.#plans.delete(entry);
    return withPlan(options, known ?? await planModel(globals, options, { signal }));
  }

  readonly #plan = async (
    entry: ModelEntry,
    held: ReadonlyMap<string, number>,
    signal: AbortSignal | undefined,
  ): Promise<LoadPlan> => {
    const options = await this.#options(entry, await this.#target(entry, signal));
    const { planModel } = await import("./plan_model.ts");
    return await planModel(requestFor(entry, this.#request).globals, options, { held, signal });
  };

  /** The libraries and devices of a model: those of this machine, and those of its RPC workers. */
  async #target(
    entry: ModelEntry,
    signal: AbortSignal | undefined,
    notify = this.#notify,
  ): Promise<LoadTarget> {
    const selection = await this.#select();
    const { globals } = requestFor(entry, this.#request);
    if (globals.rpc.length === 0) return selection;
    checkPlacement(globals);
    const { withWorkers } = await import("./workers.ts");
    const tunnels = await (this.#tunnels ??= this.#openTunnels(globals["rpc-key"]));
    return await withWorkers(selection, { globals, signal, notify, tunnels });
  }

  /** Tunnels to the workers, with `--rpc-key`. A key that cannot be read is read again for the next load. */
  async #openTunnels(key: string | null): Promise<RpcTunnels | undefined> {
    if (key === null) return undefined;
    const { openTunnels } = await import("./rpc_tunnels.ts");
    try {
      return await openTunnels(key, (line) => this.#environment.output.alert(line));
    } catch (error) {
      this.#tunnels = null;
      throw error;
    }
  }

  async #options(entry: ModelEntry, selection: LoadTarget): Promise<LoadOptions> {
    const draft = await this.#draft();
    await checkVocabulary(entry);
    if (draft !== undefined) await checkVocabulary(draft);
    return loadOptions(entry, selection, this.#request, {
      draft,
      // A server has models with other vocabularies; they run without the draft model.
      isDraftOptional: this.#request.residency !== undefined,
      isProjectorOptional: this.#request.residency !== undefined,
      sessionFolder: sessionFolder(this.#environment.env),
      diskCache: diskCacheOf(entry, this.#request, () => cacheDirectory(this.#environment.env)),
      sharedCache: sharedCacheOf(this.#request.globals, this.#environment.env),
    });
  }

  /** The draft model, if there is one. */
  async #draft(): Promise<ModelEntry | undefined> {
    const { draft } = this.#request.globals;
    return draft === null ? undefined : await this.registry.resolveDraft(draft);
  }

  /** Finds the libraries once. A failure is not kept, so that the next call tries again. */
  async #select(): Promise<Selection> {
    const selection = this.#selection ??= this.#find();
    try {
      return await selection;
    } catch (error) {
      if (this.#selection === selection) this.#selection = null;
      throw error;
    } finally {
      this.#environment.output.progress(null);
    }
  }

  async #find(): Promise<Selection> {
    const { selectRuntime } = await import("../../runtime/mod.ts");
    const selection = await selectRuntime(this.#request.globals["gpu-backend"], {
      cacheDir: cacheDirectory(this.#environment.env),
      folder: this.#environment.env("SHIMMY_LIBLLAMA") || undefined,
      onProgress: downloadProgress(this.#environment, this.#notify),
      signal: this.#closing.signal,
    });
    if (this.#request.globals.verbose) {
      if (selection.note !== null) this.#notify(selection.note);
      this.#notify(`libllama: ${selection.runtime.folder} (${selection.runtime.source})`);
    }
    return selection;
  }
}

/** Reports the start of a download once and its progress on a terminal. */
export function downloadProgress(
  { output }: Environment,
  notify: (line: string) => void,
): (progress: Progress) => void {
  const notified = new Set<string>();
  return ({ what, bytes: count, total }) => {
    if (!notified.has(what)) {
      notified.add(what);
      notify(`Downloading ${what}${total === null ? "" : ` (${bytes(total)})`}`);
    }
    output.progress(`${what}: ${bytes(count)}${total === null ? "" : ` of ${bytes(total)}`}`);
  };
}

/** `--lora` applies to the named model, if there is one. `SHIMMY_LORA_GGUF` always applies to the default model. */
function defaultLoras(
  chosen: readonly Lora[],
  named: string | undefined,
  environment: Environment,
): readonly Lora[] {
  if (chosen.length > 0) return named === undefined ? chosen : [];
  const fromEnvironment = environment.env("SHIMMY_LORA_GGUF");
  if (!fromEnvironment) return [];
  const path = expandHome(fromEnvironment, homeFolder(environment.env));
  return [parseLora(path, "SHIMMY_LORA_GGUF")];
}
