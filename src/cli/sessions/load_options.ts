import { resolve } from "node:path";
import type {
  DiskCacheLocation,
  LoadOptions,
  ProjectorOptions,
  RpcWorker,
  SharedCacheLocation,
} from "../../engine/protocol/mod.ts";
import { adapterName, type ModelEntry } from "../../models/entry/mod.ts";
import type { Selection } from "../../runtime/mod.ts";
import { placementOptions } from "../options/mod.ts";
import type { ModelSessionRequest } from "../environment/mod.ts";
import { diskCacheFolder } from "./engine_command.ts";

/** A request in which the settings of one model override the global options. */
export function requestFor<R extends LoadRequest>(entry: ModelEntry, request: R): R {
  const { contextLength, parallel, kvType, gpuLayers, diskCache, rpc } = entry.settings ?? {};
  const { globals } = request;
  return {
    ...request,
    parallel: parallel ?? request.parallel,
    globals: {
      ...globals,
      ctx: contextLength ?? globals.ctx,
      "kv-type": kvType ?? globals["kv-type"],
      "disk-cache": diskCache ?? globals["disk-cache"],
      "gpu-layers": gpuLayers === undefined ? globals["gpu-layers"] : gpuLayers,
      "rpc": rpc ?? globals.rpc,
    },
  };
}

/** The parts of a request that decide how a model is loaded. */
type LoadRequest = Pick<
  ModelSessionRequest,
  "globals" | "parallel" | "sharesOneContext" | "stepTimeout"
>;

/** A key that is equal for loads with the same result. */
export function loadKey(entry: ModelEntry, request: LoadRequest): string {
  const { globals, parallel, stepTimeout } = requestFor(entry, request);
  const { "model-dirs": _dirs, lora: _lora, config: _config, verbose: _verbose, ...rest } = globals;
  return JSON.stringify([entry.paths, entry.loras, entry.projector, parallel, stepTimeout, rest]);
}

/**
 * The prefix cache on disk for a model. Undefined if nothing is kept.
 * @param cacheFolder the folder of all caches
 */
export function diskCacheOf(
  entry: ModelEntry,
  request: LoadRequest,
  cacheFolder: () => string,
): DiskCacheLocation | undefined {
  const modelBytes = requestFor(entry, request).globals["disk-cache"];
  if (modelBytes === 0) return undefined;
  const { "disk-cache": total } = request.globals;
  return {
    folder: diskCacheFolder(request.globals, cacheFolder),
    modelBytes,
    // A model may have its own bound when there is none for all models.
    totalBytes: total === 0 ? Number.MAX_SAFE_INTEGER : total,
  };
}

/** The libraries of a load, its devices, and the RPC workers that some of them belong to. */
export interface LoadTarget extends Pick<Selection, "runtime" | "devices"> {
  readonly rpc?: readonly RpcWorker[];
}

/** The global options as the engine takes them. */
export function loadOptions(
  entry: ModelEntry,
  { runtime, devices, rpc = [] }: LoadTarget,
  request: LoadRequest,
  more: {
    readonly draft?: ModelEntry | undefined;
    readonly isDraftOptional?: boolean;
    /** Whether a model loads without the projector of the options if it cannot use it. */
    readonly isProjectorOptional?: boolean;
    readonly sessionFolder?: string;
    readonly diskCache?: DiskCacheLocation | undefined;
    readonly sharedCache?: SharedCacheLocation | undefined;
  } = {},
): LoadOptions {
  const { globals, parallel, sharesOneContext, stepTimeout } = requestFor(entry, request);
  const projector = projectorOf(entry, globals, more.isProjectorOptional ?? false);
  const isShared = sharesOneContext === true && globals["kv-unified"] === "auto";
  return {
    libraryFolder: runtime.folder,
    modelPaths: entry.paths,
    loras: entry.loras.map((lora) => ({
      ...lora,
      path: resolve(lora.path),
      name: adapterName(lora),
    })),
    devices,
    ...(rpc.length === 0 ? {} : { rpc }),
    gpuLayers: globals["gpu-layers"] ?? (devices.length > 0 ? -1 : 0),
    ...placementOptions(globals),
    contextLength: globals.ctx,
    parallel,
    batchSize: globals.batch,
    threads: globals.threads,
    kvType: globals["kv-type"],
    flashAttention: globals["flash-attn"],
    kvUnified: isShared ? "on" : globals["kv-unified"],
    ...(isShared ? { sharesOneContext: true } : {}),
    gpuReserve: globals["gpu-reserve"] === null ? null : globals["gpu-reserve"] * 2 ** 20,
    swaFull: globals["swa-full"],
    lookup: globals.lookup === "on",
    contextShift: globals["context-shift"],
    streamInterval: globals["stream-interval"],
    ...(more.draft === undefined
      ? {}
      : { draftPaths: more.draft.paths, isDraftOptional: more.isDraftOptional ?? false }),
    ...(projector === undefined ? {} : { projector }),
    ...(more.sessionFolder === undefined ? {} : { sessionFolder: more.sessionFolder }),
    ...(more.diskCache === undefined ? {} : { diskCache: more.diskCache }),
    ...(more.sharedCache === undefined ? {} : { sharedCache: more.sharedCache }),
    ...(stepTimeout === undefined ? {} : { stepTimeout }),
    verbose: globals.verbose,
  };
}

/** The projector of the options, or else that of the model. */
function projectorOf(
  { projector }: ModelEntry,
  globals: LoadRequest["globals"],
  isOptional: boolean,
): ProjectorOptions | undefined {
  if (globals["no-mmproj"]) return undefined;
  const offload = globals["mmproj-offload"] === "on";
  if (globals.mmproj !== null) return { path: resolve(globals.mmproj), offload, isOptional };
  return projector === undefined ? undefined : { path: projector, offload, isOptional: true };
}
