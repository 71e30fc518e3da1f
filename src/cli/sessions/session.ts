import { join } from "@std/path";
import {
  availableMemory,
  type Engine,
  ENGINE_COMMAND,
  ENGINE_MODULE,
  loadEngine,
} from "../../engine/mod.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { LoadOptions } from "../../engine/protocol/mod.ts";
import { discover, modelSources, processEnvironment } from "../../models/discovery/mod.ts";
import { type Lora, type ModelEntry, parseLora } from "../../models/entry/mod.ts";
import {
  createPool,
  KEEP_ALL,
  type LoadEngine,
  type LoadPolicy,
  type Registry,
} from "../../models/registry/mod.ts";
import {
  estimateMainMemory,
  type EstimateOptions,
  MAIN_MEMORY,
  type MemoryEstimate,
} from "../../models/memory/mod.ts";
import { type OwnCommand, ownCommand } from "../../own_command.ts";
import { cacheDirectory } from "../../runtime/library/paths.ts";
import type { Progress, Selection } from "../../runtime/mod.ts";
import { defaultModel } from "./default_model.ts";
import { bytes } from "../output/mod.ts";
import { loadKey, loadOptions, requestFor } from "./load_options.ts";
import type { Session, SessionChange, SessionRequest, World } from "../environment/mod.ts";

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
  /** How models that are about to be loaded were planned when they were let in. */
  readonly #plans = new WeakMap<ModelEntry, LoadPlan>();

  constructor(request: SessionRequest, world: World) {
    const { globals, named, config } = request;
    const base = request.preferred === undefined
      ? request.base ?? defaultModel(world, config)
      : undefined;
    this.#request = request;
    this.#world = world;
    this.#say = request.say ?? ((line) => world.output.note(line));
    const sources = () =>
      modelSources({
        base,
        modelDirs: this.#request.globals["model-dirs"] ?? undefined,
        cacheFolder: () => cacheDirectory(world.env),
      }, { ...processEnvironment(), env: world.env });
    this.pool = createPool({
      discover: () => discover(sources()),
      load: this.#load,
      base,
      preferred: request.preferred,
      loras: defaultLoras(globals.lora, named, world),
      plan: this.#plan,
      paths: request.paths,
      config: config?.models,
      policy: this.#policy,
      log: this.#say,
      engineKey: (entry) => loadKey(entry, this.#request),
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
      const onDevices = selection.devices.length > 0;
      const engine = await loadEngine(
        onDevices ? await this.#fitted(entry, options, signal) : options,
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
        estimate: (entry, options) => this.#estimate(entry, options),
      },
    };
  }

  /** What a model would take: on devices as a plan says, which the load then follows. */
  async #estimate(
    entry: ModelEntry,
    { fitLayers, onDevices, signal }: EstimateOptions,
  ): Promise<MemoryEstimate> {
    const selection = await this.#select();
    const options = await this.#options(entry, selection);
    const { globals } = requestFor(entry, this.#request);
    if (selection.devices.length === 0 || options.gpuLayers === 0) {
      const free = availableMemory();
      const draft = await this.#draft();
      const drafts = draft === undefined
        ? 0
        : await estimateMainMemory(draft, { ...options, kvType: "f16" }, free);
      const required = await estimateMainMemory(entry, options, free) + drafts;
      return {
        requirements: [{ memory: MAIN_MEMORY, required, free }],
        canOffloadLess: false,
      };
    }
    const { estimateOf, planUnder } = await import("./plan_model.ts");
    const canOffloadLess = globals["gpu-layers"] === null;
    const layers = canOffloadLess && !fitLayers ? -1 : globals["gpu-layers"];
    const plan = await planUnder({ ...globals, "gpu-layers": layers }, options, {
      held: onDevices,
      signal,
    });
    if (canOffloadLess) this.#plans.set(entry, plan);
    return estimateOf(plan, canOffloadLess);
  }

  /** Options with as many layers on the devices as fit, where their number is left to us. */
  async #fitted(
    entry: ModelEntry,
    options: LoadOptions,
    signal: AbortSignal,
  ): Promise<LoadOptions> {
    const { globals } = requestFor(entry, this.#request);
    if (globals["gpu-layers"] !== null) return options;
    const { fitted, planUnder } = await import("./plan_model.ts");
    // Free memory has not changed since the model was let in.
    const known = this.#plans.get(entry);
    this.#plans.delete(entry);
    return fitted(options, known ?? await planUnder(globals, options, { signal }));
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

  readonly #plan = async (
    entry: ModelEntry,
    held: ReadonlyMap<string, number>,
    signal: AbortSignal | undefined,
  ): Promise<LoadPlan> => {
    const options = await this.#options(entry, await this.#select());
    const { planUnder } = await import("./plan_model.ts");
    return await planUnder(requestFor(entry, this.#request).globals, options, { held, signal });
  };

  async #options(entry: ModelEntry, selection: Selection): Promise<LoadOptions> {
    return loadOptions(entry, selection, this.#request, {
      draft: await this.#draft(),
      // Of the models that a server has, it may fit some alone.
      isDraftOptional: this.#request.residence !== undefined,
      sessionFolder: this.#sessionFolder,
    });
  }

  /** The model that drafts for the others, where there is one. */
  async #draft(): Promise<ModelEntry | undefined> {
    const { draft } = this.#request.globals;
    return draft === null ? undefined : await this.pool.resolveDraft(draft);
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
    const { selectRuntime } = await import("../../runtime/mod.ts");
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
