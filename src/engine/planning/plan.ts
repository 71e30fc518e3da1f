import type { TensorSize } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/mod.ts";
import {
  chooseContext,
  type LoadReport,
  type MeasuredPlacement,
  placeTensors,
  readLoadLog,
  SHARED,
  unmatchedOverrides,
  type WeightPlaces,
} from "../model/mod.ts";
import type { PlannedModel } from "./plan_messages.ts";
import { PlanProcess } from "./plan_process.ts";
import type { DeviceInfo, LoadOptions } from "../protocol/mod.ts";
import { availableMemory } from "../native/mod.ts";

/** What would lie on a device, and what is free there. Bytes. */
export interface PlannedDevice extends MeasuredPlacement {
  readonly kind: DeviceInfo["kind"];
  readonly memoryFree: number;
  readonly memoryTotal: number;
  /** Of what is free, what shall be left free. */
  readonly memoryReserved: number;
  /** What states of finished sequences may take in time, beside the rest. */
  readonly cacheBytes: number;
}

/** Whether and how a model would fit, found out without memory for its weights. */
export interface LoadPlan {
  /** Whether every device has room for its part, and leaves free what it shall. */
  readonly fits: boolean;
  /** The model's layers, the output being one. */
  readonly layers: number;
  /** Of them on devices that are not the CPU. */
  readonly offloadedLayers: number;
  /** Tokens of one sequence. */
  readonly contextLength: number;
  readonly parallel: number;
  readonly devices: readonly PlannedDevice[];
  /** Bytes of all experts; 0 for a dense model. */
  readonly expertBytes: number;
  /** Bytes that tensor overrides keep off the devices. */
  readonly savedBytes: number;
  /** What was limited, one sentence each. */
  readonly notes: readonly string[];
}

export interface PlanOptions {
  /** The command that runs this program as a plan's process. */
  readonly command: ChildCommand;
  /** Choose as many layers as fit, instead of those the options name. */
  readonly chooseLayers: boolean;
  /** Bytes to leave free on each device but the CPU; null: an eighth of it, 1 GiB at most. */
  readonly reserve: number | null;
  /**
   * Bytes that models of ours have on devices, by the devices' names: some drivers call all of their
   * memory free, whoever has it.
   */
  readonly held?: ReadonlyMap<string, number> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plans a load: libllama goes through it in a process of its own, without memory for weights and caches.
 *
 * @throws {ShimmyError} why the model could not be loaded at all; `cancelled`
 */
export async function planLoad(options: LoadOptions, how: PlanOptions): Promise<LoadPlan> {
  await using process = new PlanProcess(how.command, how.signal);
  try {
    return await new Planning(process, options, how).run();
  } catch (error) {
    if (!how.signal?.aborted) throw error;
    throw new ShimmyError("cancelled", "Planning was cancelled", { cause: error });
  }
}

/** A model as it would be loaded, before its context. */
interface TrialLoad {
  readonly model: PlannedModel;
  readonly log: string;
  readonly weights: WeightPlaces;
  /** Bytes of its adapters, by device. */
  readonly adapters: ReadonlyMap<string, number>;
}

/** What the model that drafts takes. */
interface DraftPart {
  readonly placement: readonly MeasuredPlacement[];
  readonly notes: readonly string[];
}

const NO_DRAFT: DraftPart = { placement: [], notes: [] };

interface ContextChoice {
  readonly length: number;
  readonly notes: readonly string[];
}

class Planning {
  readonly #process: PlanProcess;
  readonly #options: LoadOptions;
  readonly #how: PlanOptions;

  constructor(process: PlanProcess, options: LoadOptions, how: PlanOptions) {
    this.#process = process;
    this.#options = options;
    this.#how = how;
  }

  async run(): Promise<LoadPlan> {
    const asked = this.#how.chooseLayers ? -1 : this.#options.gpuLayers;
    const first = await this.#model(asked);
    const plan = await this.#context(first, this.#contextFor(first));
    if (!this.#how.chooseLayers || this.#fitsDevices(plan)) return plan;
    return await this.#mostLayers(plan);
  }

  /** As many layers as fit, by halves: each step is a load of its own. */
  async #mostLayers(all: LoadPlan): Promise<LoadPlan> {
    const none = await this.#model(0);
    // The context is chosen once: what fits then depends on the layers alone.
    const context = this.#chooseContext(none.model, availableMemory());
    let best = await this.#context(none, context);
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
    if (!("model" in response)) throw new Error("A plan's process answered another request");
    const model = {
      ...response.model,
      devices: response.model.devices.map((one) => this.#withFreeMemory(one)),
    };
    const report = readLoadLog(log);
    return {
      model,
      log,
      weights: this.#place(model.tensors, report),
      adapters: this.#place(model.adapterTensors, report).byDevice,
    };
  }

  /** Where tensors go; of devices that share every layer, each is taken to have the largest part. */
  #place(tensors: readonly TensorSize[], { layerDevices, sharing }: LoadReport): WeightPlaces {
    const places = placeTensors(tensors, layerDevices, this.#options.tensorOverrides ?? []);
    const shared = places.byDevice.get(SHARED) ?? 0;
    const { tensorSplit: split = sharing.map(() => 1) } = this.#options;
    const largest = Math.max(...split) / split.reduce((sum, part) => sum + part, 0);
    const parts = sharing.map((device) => [device, Math.ceil(shared * largest)] as const);
    return { ...places, byDevice: new Map([...places.byDevice, ...parts]) };
  }

  /** The context that loading would choose: it looks at what is free where the cache will lie. */
  #contextFor({ model, weights, log }: TrialLoad): ContextChoice {
    const { layerDevices, sharing } = readLoadLog(log);
    const used = new Set([...layerDevices.values(), ...sharing]);
    const free = this.#gpus(model).filter(({ name }) => used.has(name)).map((device) =>
      Math.max(0, device.memoryFree - (weights.byDevice.get(device.name) ?? 0))
    );
    return this.#chooseContext(
      model,
      free.length === 0 ? availableMemory() : free.reduce((sum, bytes) => sum + bytes, 0),
    );
  }

  #chooseContext(model: PlannedModel, available: number): ContextChoice {
    const { contextLength, kvUnified, parallel } = this.#options;
    return chooseContext({
      requested: contextLength,
      trained: model.trainedContext,
      sequences: kvUnified ? 1 : parallel,
      bytesPerToken: model.kvBytesPerToken,
      available,
    });
  }

  async #context(trial: TrialLoad, { length, notes }: ContextChoice): Promise<LoadPlan> {
    const { model, weights, adapters } = trial;
    const log = trial.log + (await this.#process.request({ type: "context", length })).log;
    const { placement, layerDevices } = readLoadLog(log);
    const draft = model.generates ? await this.#draft(length) : NO_DRAFT;
    const gpus = this.#gpus(model);
    const cpu = model.devices.find(({ kind }) => kind === "cpu");
    const known = [...gpus, ...(cpu === undefined ? [] : [{ ...cpu, ...hostMemory() }])];
    const devices = known.map((device) => {
      const { name, kind, memoryFree, memoryTotal } = device;
      const placed = placement.find((one) => one.device === name);
      const drafts = draft.placement.find((one) => one.device === name);
      const isCpu = kind === "cpu";
      const layers = placed?.layers ?? 0;
      const reserve = this.#how.reserve ?? Math.min(2 ** 30, Math.floor(memoryTotal / 8));
      return {
        device: name,
        kind,
        layers,
        weightBytes: (weights.byDevice.get(name) ?? 0) + (adapters.get(name) ?? 0) +
          (drafts?.weightBytes ?? 0),
        kvBytes: (placed?.kvBytes ?? 0) + (drafts?.kvBytes ?? 0),
        computeBytes: (placed?.computeBytes ?? 0) + (drafts?.computeBytes ?? 0),
        cacheBytes: isCpu ? model.cacheBytes : 0,
        memoryFree,
        memoryTotal,
        memoryReserved: isCpu || layers === 0 ? 0 : reserve,
      };
    });
    const plan = {
      fits: false,
      layers: layerDevices.size,
      offloadedLayers: [...layerDevices.values()].filter((device) => device !== cpu?.name).length,
      contextLength: length,
      parallel: this.#options.parallel,
      devices,
      expertBytes: weights.expertBytes,
      savedBytes: weights.savedBytes,
      notes: [
        ...notes,
        ...draft.notes,
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

  /** What the model that drafts takes, by device; nothing where there is none. */
  async #draft(length: number): Promise<DraftPart> {
    const { draftPaths: paths } = this.#options;
    if (paths === undefined) return NO_DRAFT;
    const { response, log } = await this.#process.request({ type: "draft", paths, length });
    if (!("draftTensors" in response)) throw new Error("A plan's process answered another request");
    const report = readLoadLog(log);
    const { byDevice } = this.#place(response.draftTensors, report);
    const placement = report.placement.map((part) => ({
      ...part,
      weightBytes: byDevice.get(part.device) ?? 0,
    }));
    return { placement, notes: response.notes };
  }

  /** A device with no more free memory than what is held of it leaves. */
  #withFreeMemory(device: DeviceInfo): DeviceInfo {
    const left = device.memoryTotal - (this.#how.held?.get(device.name) ?? 0);
    return { ...device, memoryFree: Math.min(device.memoryFree, Math.max(0, left)) };
  }

  /** The devices that may be used, but the CPU. */
  #gpus(model: PlannedModel): readonly DeviceInfo[] {
    return model.devices.filter(({ kind, name }) =>
      kind !== "cpu" && (this.#options.devices?.includes(name) ?? true)
    );
  }

  #fitsDevices({ devices }: Pick<LoadPlan, "devices">): boolean {
    return devices.every((device) => device.kind === "cpu" || hasRoom(device));
  }
}

/** Bytes that a model takes on a device as soon as it is loaded. */
export function plannedBytes(device: PlannedDevice): number {
  return device.weightBytes + device.kvBytes + device.computeBytes;
}

/**
 * Whether a device has room for its part. One that gets nothing needs none, and one that does not tell
 * its memory is taken to have it.
 */
function hasRoom(device: PlannedDevice): boolean {
  const needed = plannedBytes(device) + device.cacheBytes;
  return needed === 0 || device.memoryTotal === 0 ||
    needed <= device.memoryFree - device.memoryReserved;
}

/** ggml reports all of the host's memory as free, whatever other programs hold. */
function hostMemory(): { readonly memoryFree: number } {
  return { memoryFree: availableMemory() };
}
