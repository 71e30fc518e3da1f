import type { TensorSize } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/mod.ts";
import {
  chooseShape,
  type ChosenShape,
  contextBudget,
  deviceReserve,
  isOnCpu,
  type LoadReport,
  type MeasuredPlacement,
  placeTensors,
  readLoadLog,
  SHARED,
  unmatchedOverrides,
  type WeightPlaces,
  windowNotes,
} from "../model/mod.ts";
import { excessBytes, hasRoom, type LoadPlan } from "./load_plan.ts";
import type { PlannedDraft, PlannedModel } from "./plan_messages.ts";
import { PlanProcess } from "./plan_process.ts";
import {
  type ContextShape,
  type DeviceInfo,
  type LoadOptions,
  memoryNames,
} from "../protocol/mod.ts";
import { availableMemory, fileSize } from "../native/mod.ts";

export interface PlanOptions {
  /** Command that runs this program as a planning process. */
  readonly command: ChildCommand;
  /** Choose the maximum number of layers that fit, instead of the number in the options. */
  readonly chooseLayers: boolean;
  /**
   * Bytes to leave free on each device except the CPU. Null: an eighth of the device memory, at
   * most 1 GiB.
   */
  readonly reserve: number | null;
  /**
   * Bytes that loaded models use, by the names of the devices' memories. Some drivers report all memory as free regardless
   * of its use.
   */
  readonly held?: ReadonlyMap<string, number> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each response of the process, after which it is ended. Default 60,000. */
  readonly responseMs?: number;
}

/**
 * Plans a load: a child process runs the load without allocating weights and caches.
 *
 * @throws {ShimmyError} the reason if the model cannot be loaded; `cancelled`
 */
export async function planLoad(options: LoadOptions, planOptions: PlanOptions): Promise<LoadPlan> {
  await using process = new PlanProcess(
    planOptions.command,
    planOptions.signal,
    planOptions.responseMs,
  );
  try {
    return await new Planning(process, options, planOptions).run();
  } catch (error) {
    if (!planOptions.signal?.aborted) throw error;
    throw new ShimmyError("cancelled", "Planning was cancelled", { cause: error });
  }
}

/**
 * Tokens of a context before a layer is moved off a device, if the model was trained on as many.
 */
const MIN_OFFLOADED_CONTEXT = 32_768;
/** Attempts to fit a context to measured compute buffers. */
const MAX_ATTEMPTS = 4;

/** A model loaded without allocation, before its context. */
interface TrialLoad {
  readonly model: PlannedModel;
  readonly log: string;
  readonly weights: WeightPlaces;
  /** Bytes of its adapters, by device. */
  readonly adapters: ReadonlyMap<string, number>;
  /** Null without a draft model, or if it is skipped. */
  readonly draft: PlannedDraft | null;
}

/** Memory of the draft model. */
interface DraftPart {
  readonly placement: readonly MeasuredPlacement[];
  readonly notes: readonly string[];
}

const NO_DRAFT: DraftPart = { placement: [], notes: [] };

class Planning {
  readonly #process: PlanProcess;
  readonly #options: LoadOptions;
  readonly #planOptions: PlanOptions;

  constructor(process: PlanProcess, options: LoadOptions, planOptions: PlanOptions) {
    this.#process = process;
    this.#options = options;
    this.#planOptions = planOptions;
  }

  async run(): Promise<LoadPlan> {
    const asked = this.#planOptions.chooseLayers ? -1 : this.#options.gpuLayers;
    const first = await this.#model(asked);
    const plan = await this.#largestContext(first);
    if (!this.#planOptions.chooseLayers || this.#fitsDevices(plan)) return plan;
    return await this.#mostLayers(plan, this.#shortest(first));
  }

  /**
   * Plans the largest context beside the layers on the devices. The size of compute buffers is known
   * only after a context was made, so the context may have to shrink.
   */
  async #largestContext(trial: TrialLoad): Promise<LoadPlan> {
    const shortest = this.#shortest(trial).shape;
    let chosen = this.#contextFor(trial);
    let plan = await this.#context(trial, chosen);
    for (let attempt = 1; attempt < MAX_ATTEMPTS && !this.#fitsDevices(plan); attempt++) {
      if (this.#options.contextLength > 0 || chosen.shape.cells <= shortest.cells) break;
      const excess = plan.devices.reduce((sum, device) => sum + excessBytes(device), 0);
      const budget = Math.max(shortest.kvBytes, chosen.shape.kvBytes - excess * attempt);
      chosen = this.#shapeWithin(trial, budget);
      plan = await this.#context(trial, chosen);
    }
    return plan;
  }

  /** The shortest context for which layers stay on the devices. */
  #shortest(trial: TrialLoad): ChosenShape {
    const { model, draft } = trial;
    const { kvUnified, parallel } = this.#options;
    const trained = model.trainedContext > 0 ? model.trainedContext : MIN_OFFLOADED_CONTEXT;
    const isSeparate = kvUnified === "off" || kvUnified === false;
    const cells = Math.min(trained, MIN_OFFLOADED_CONTEXT) *
      (isSeparate ? Math.max(1, parallel) : 1);
    const bytesPerToken = model.kvBytesPerToken + (draft?.kvBytesPerToken ?? 0);
    return this.#shapeWithin(trial, cells * bytesPerToken);
  }

  /**
   * Finds the maximum number of layers that fit, by bisection. Each step is a separate load. The
   * context is the same in all steps, so that the result depends only on the layers.
   */
  async #mostLayers(all: LoadPlan, context: ChosenShape): Promise<LoadPlan> {
    const whole = await this.#context(await this.#model(all.layers), context);
    if (this.#fitsDevices(whole)) return whole;
    let best = await this.#context(await this.#model(0), context);
    let fitting = 0;
    let tooMany = all.layers;
    while (tooMany - fitting > 1) {
      const layers = (fitting + tooMany) >> 1;
      const plan = await this.#context(await this.#model(layers), context);
      if (this.#fitsDevices(plan)) {
        best = plan;
        fitting = layers;
      } else tooMany = layers;
    }
    const note = `${best.offloadedLayers} of ${all.layers} layers fit the memory of the devices; ` +
      `the others are computed on the CPU`;
    return { ...best, notes: [...best.notes, note] };
  }

  async #model(gpuLayers: number): Promise<TrialLoad> {
    const options = { ...this.#options, gpuLayers };
    const { response, log } = await this.#process.request({ type: "model", options });
    if (!("model" in response)) {
      throw new Error("Cannot plan the load: unexpected response of the planning process");
    }
    const model = {
      ...response.model,
      devices: this.#withFreeMemory(response.model.devices),
    };
    const report = readLoadLog(log, this.#options.rpc);
    const draft = model.generates ? (await this.#openDraft(null)).draft : null;
    return {
      draft: typeof draft === "string" ? null : draft,
      model,
      log,
      weights: this.#place(model.tensors, report),
      adapters: this.#place(model.adapterTensors, report).byDevice,
    };
  }

  /**
   * Places tensors on devices. Of devices that share every layer, each is assumed to have the
   * largest part.
   */
  #place(tensors: readonly TensorSize[], { layerDevices, sharing }: LoadReport): WeightPlaces {
    const places = placeTensors(tensors, layerDevices, this.#options.tensorOverrides ?? []);
    const shared = places.byDevice.get(SHARED) ?? 0;
    const { tensorSplit: split = sharing.map(() => 1) } = this.#options;
    const largest = Math.max(...split) / split.reduce((sum, part) => sum + part, 0);
    const parts = sharing.map((device) => [device, Math.ceil(shared * largest)] as const);
    return { ...places, byDevice: new Map([...places.byDevice, ...parts]) };
  }

  /** The context that a load would choose, from the free memory where the KV cache will be. */
  #contextFor(trial: TrialLoad): ChosenShape {
    const { model, weights, log, draft } = trial;
    const { layerDevices, sharing } = readLoadLog(log, this.#options.rpc);
    const used = new Set([...layerDevices.values(), ...sharing]);
    const gpus = this.#gpus(model);
    const projector = this.#projector(gpus[0]?.name, undefined);
    const free = gpus.filter(({ name }) => used.has(name)).map((device) =>
      Math.max(
        0,
        device.memoryFree - (weights.byDevice.get(device.name) ?? 0) -
          (device.name === projector?.device ? projector.bytes : 0) -
          deviceReserve(device.memoryTotal, this.#planOptions.reserve),
      )
    );
    const draftBytes = draft?.bytes ?? 0;
    const beside = draftBytes + (projector?.device === undefined ? projector?.bytes ?? 0 : 0);
    const modelBytes = model.tensors.reduce((sum, { bytes }) => sum + bytes, beside);
    const memory = isOnCpu(this.#options) || free.length === 0
      ? {
        isMain: true,
        available: this.#mainMemory - (this.#options.memoryClaimed ?? 0),
        modelBytes,
      }
      : {
        isMain: false,
        available: free.reduce((sum, bytes) => sum + bytes, -draftBytes),
        modelBytes,
      };
    return this.#shapeWithin(trial, contextBudget(memory));
  }

  get #mainMemory(): number {
    return Math.min(availableMemory(), this.#options.memoryLimit ?? Infinity);
  }

  #shapeWithin({ model, draft }: TrialLoad, budget: number): ChosenShape {
    const { contextLength, kvUnified, parallel, sharesOneContext } = this.#options;
    return chooseShape({
      sliding: model.sliding,
      requested: contextLength,
      trained: model.trainedContext,
      parallel,
      kvUnified,
      sharesOneContext,
      bytesPerToken: model.kvBytesPerToken,
      draftBytesPerToken: draft?.kvBytesPerToken ?? 0,
      sequenceBytes: model.sequenceBytes,
      budget,
    });
  }

  async #context(trial: TrialLoad, { shape, notes }: ChosenShape): Promise<LoadPlan> {
    const { model, weights, adapters } = trial;
    const made = await this.#process.request({ type: "context", shape });
    const { placement, layerDevices } = readLoadLog(trial.log + made.log, this.#options.rpc);
    const slidingBytes = await this.#slidingBytes(trial, shape, kvBytes(placement));
    const draft = model.generates ? await this.#draftPart(shape) : NO_DRAFT;
    const gpus = this.#gpus(model);
    const cpu = model.devices.find(({ kind }) => kind === "cpu");
    const projector = this.#projector(gpus[0]?.name ?? cpu?.name, cpu?.name);
    const memories = memoryNames(model.devices);
    const main = { memoryFree: this.#mainMemory };
    const known = [...gpus, ...(cpu === undefined ? [] : [{ ...cpu, ...main }])];
    const devices = known.map((device) => {
      const { name, kind, memoryFree, memoryTotal } = device;
      const placed = placement.find((one) => one.device === name);
      const drafts = draft.placement.find((one) => one.device === name);
      const isCpu = kind === "cpu";
      const layers = placed?.layers ?? 0;
      return {
        device: name,
        memory: memories.get(name)!,
        kind,
        layers,
        weightBytes: (weights.byDevice.get(name) ?? 0) + (adapters.get(name) ?? 0) +
          (drafts?.weightBytes ?? 0) + (name === projector?.device ? projector.bytes : 0),
        kvBytes: (placed?.kvBytes ?? 0) + (drafts?.kvBytes ?? 0),
        computeBytes: (placed?.computeBytes ?? 0) + (drafts?.computeBytes ?? 0),
        cacheBytes: isCpu ? model.cacheBytes : 0,
        memoryFree,
        memoryTotal,
        memoryReserved: isCpu || layers === 0
          ? 0
          : deviceReserve(memoryTotal, this.#planOptions.reserve),
      };
    });
    const plan = {
      fits: false,
      layers: layerDevices.size,
      offloadedLayers: [...layerDevices.values()].filter((device) => device !== cpu?.name).length,
      contextLength: shape.length,
      parallel: shape.sequences,
      shape,
      memory: "context" in made.response ? made.response.context : null,
      slidingBytes,
      devices,
      expertBytes: weights.expertBytes,
      savedBytes: weights.savedBytes,
      notes: [
        ...notes,
        ...draft.notes,
        ...(model.generates ? windowNotes(model.sliding !== null, this.#options.swaFull) : []),
        ...unmatchedOverrides(
          model.tensors.map(({ name }) => name),
          this.#options.tensorOverrides ?? [],
        ),
      ],
    };
    return {
      ...plan,
      fits: devices.every(hasRoom),
    };
  }

  /** Measures the other way to keep the cells of layers with a sliding window. */
  async #slidingBytes(
    { model, log }: TrialLoad,
    shape: ContextShape,
    bytes: number,
  ): Promise<LoadPlan["slidingBytes"]> {
    if (model.sliding === null || !model.generates) return null;
    const other = { ...shape, swaFull: !shape.swaFull };
    const otherLog = (await this.#process.request({ type: "context", shape: other })).log;
    const otherBytes = kvBytes(readLoadLog(log + otherLog, this.#options.rpc).placement);
    return shape.swaFull
      ? { full: bytes, window: otherBytes }
      : { full: otherBytes, window: bytes };
  }

  /** The weights of the projector, which libmtmd puts on the first GPU, and their device. */
  #projector(
    first: string | undefined,
    cpu: string | undefined,
  ): { readonly device: string | undefined; readonly bytes: number } | null {
    const { projector } = this.#options;
    if (projector === undefined) return null;
    const isOffloaded = projector.offload && !isOnCpu(this.#options);
    return { device: isOffloaded ? first : cpu, bytes: fileSize(projector.path) };
  }

  /** The memory of the draft model by device; empty without a draft model. */
  async #draftPart(shape: ContextShape): Promise<DraftPart> {
    const { draft, log } = await this.#openDraft(shape);
    if (draft === null) return NO_DRAFT;
    if (typeof draft === "string") return { placement: [], notes: [draft] };
    const report = readLoadLog(log, this.#options.rpc);
    const { byDevice } = this.#place(draft.tensors, report);
    const placement = report.placement.map((part) => ({
      ...part,
      weightBytes: byDevice.get(part.device) ?? 0,
    }));
    return { placement, notes: [] };
  }

  /**
   * Opens the draft model, with a context unless the shape is null.
   * @returns null without a draft model; why it is skipped; or the draft model.
   */
  async #openDraft(shape: ContextShape | null) {
    const { draftPaths: paths } = this.#options;
    if (paths === undefined) return { draft: null, log: "" };
    const { response, log } = await this.#process.request({ type: "draft", paths, shape });
    if ("draft" in response) return { draft: response.draft, log };
    throw new Error("Cannot plan the load: unexpected response of the planning process");
  }

  /** Limits the free memory of devices to what loaded models leave. */
  #withFreeMemory(devices: readonly DeviceInfo[]): DeviceInfo[] {
    const memories = memoryNames(devices);
    return devices.map((device) => {
      const held = this.#planOptions.held?.get(memories.get(device.name)!) ?? 0;
      const left = Math.max(0, device.memoryTotal - held);
      return { ...device, memoryFree: Math.min(device.memoryFree, left) };
    });
  }

  /** The usable devices except the CPU. */
  #gpus(model: PlannedModel): readonly DeviceInfo[] {
    return model.devices.filter(({ kind, name }) =>
      kind !== "cpu" && (this.#options.devices?.includes(name) ?? true)
    );
  }

  #fitsDevices({ devices }: Pick<LoadPlan, "devices">): boolean {
    return devices.every((device) => device.kind === "cpu" || hasRoom(device));
  }
}

/** KV cache of all devices in bytes. */
function kvBytes(placement: readonly MeasuredPlacement[]): number {
  return placement.reduce((sum, part) => sum + (part.kvBytes ?? 0), 0);
}
