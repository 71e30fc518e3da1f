import {
  type ContextMemory,
  type Placement,
  rpcBuffers,
  type RpcWorker,
} from "../../protocol/mod.ts";

/** A placement with known sizes. */
export interface MeasuredPlacement extends Placement {
  readonly kvBytes: number;
  readonly computeBytes: number;
}

/** Memory figures in the log of a load, in bytes. */
export interface LoadReport {
  /** Devices in the order of the log. Host memory for a device counts as CPU. */
  readonly placement: readonly MeasuredPlacement[];
  /** Device of each layer by number. The last one is the output layer. */
  readonly layerDevices: ReadonlyMap<number, string>;
  /**
   * Devices that share every layer (split mode `tensor`), which `layerDevices` lists as {@linkcode
   * SHARED}.
   */
  readonly sharing: readonly string[];
}

/** Name in the log for the devices that share every layer. */
export const SHARED = "Meta";

const CPU = "CPU";
/** A buffer type of ggml's CPU backend, for weights in the layout of matrix extensions of x86-64. */
const AMX = "AMX";
const MIB = 2 ** 20;

// Log lines of llama-model.cpp, llama-adapter.cpp, llama-kv-cache.cpp, llama-memory-recurrent.cpp
// and llama-context.cpp of the pinned version.
const SHARING = /: creating a Meta device with \d+ devices$/;
const SHARER = /: - device \d+: (\S+)$/;
const LAYER = /^load_tensors: layer\s+(\d+) assigned to device (\S+?),/;
const WEIGHTS = /:\s+(\S+) (?:model|LoRA) buffer size =\s+([\d.]+) MiB/;
const MAPPED = "CPU_Mapped";
const CONVERTED: ReadonlySet<string> = new Set(["CPU_REPACK", AMX]);
const CACHED_LAYER = /\blayer\s+\d+: dev = (\S+)$/;
const CACHE = /: size =\s+([\d.]+) MiB \(\s*\d+ cells/;
const COMPUTE = /:\s+(\S+) compute buffer size =\s+([\d.]+) MiB/;
const OUTPUT = /:\s+(\S+)\s+output buffer size =\s+([\d.]+) MiB/;
const CONTEXT = /: constructing llama_context/;

class BytesByDevice {
  readonly #bytes = new Map<string, number>();

  add(device: string, bytes: number): void {
    this.#bytes.set(device, this.of(device) + bytes);
  }

  of(device: string): number {
    return this.#bytes.get(device) ?? 0;
  }

  get devices(): Iterable<string> {
    return this.#bytes.keys();
  }
}

/**
 * Reads the log of a model load with its contexts. Ignores other lines.
 * @param rpc the RPC workers of the load
 */
export function readLoadLog(log: string, rpc: readonly RpcWorker[] = []): LoadReport {
  const reader = new LoadLogReader(rpcBuffers(rpc));
  for (const line of log.split("\n")) reader.read(line.trimEnd());
  return reader.report();
}

/** Reads the log of one context: its memory on each device. */
export function readContextLog(log: string, rpc: readonly RpcWorker[] = []): ContextMemory[] {
  return readLoadLog(log, rpc).placement.map(({ device, kvBytes, computeBytes }) => ({
    device,
    kvBytes,
    computeBytes,
  }));
}

class LoadLogReader {
  readonly #layers = new Map<number, string>();
  readonly #weights = new BytesByDevice();
  readonly #kv = new BytesByDevice();
  readonly #compute = new BytesByDevice();
  #sharing: string[] = [];
  /** Devices of the layers of the KV cache that the log is describing. */
  #cached: string[] = [];
  /**
   * Compute buffers of the context that the log is describing. Each attempt to reserve buffers
   * reports them again; the last one counts.
   */
  #reserved = new Map<string, number>();

  /** Bytes of the model that the log is describing: of its mapped file, and of converted weights. */
  #mapped = 0;
  #converted = 0;

  /** @param rpcDevices devices of RPC workers by the names of their buffers */
  constructor(private readonly rpcDevices: ReadonlyMap<string, string>) {}

  read(line: string): void {
    if (SHARING.test(line)) this.#sharing = [];
    const sharer = SHARER.exec(line);
    if (sharer !== null) this.#sharing.push(sharer[1]!);
    const layer = LAYER.exec(line);
    // The layers of a draft model follow those of the model.
    if (layer !== null && !this.#layers.has(Number(layer[1]))) {
      this.#layers.set(Number(layer[1]), nameOf(layer[2]!));
    }
    const weights = WEIGHTS.exec(line);
    if (weights !== null) this.#addWeights(weights[1]!, bytes(weights[2]!));
    const cached = CACHED_LAYER.exec(line);
    if (cached !== null) this.#cached.push(nameOf(cached[1]!));
    const cache = CACHE.exec(line);
    if (cache !== null) this.#share(bytes(cache[1]!));
    const output = OUTPUT.exec(line);
    if (output !== null) this.#compute.add(this.#deviceOf(output[1]!), bytes(output[2]!));
    const compute = COMPUTE.exec(line);
    if (compute !== null) this.#reserved.set(compute[1]!, bytes(compute[2]!));
    if (CONTEXT.test(line)) {
      this.#endModel();
      this.#endContext();
    }
  }

  #addWeights(buffer: string, size: number): void {
    if (buffer === MAPPED) this.#mapped += size;
    else if (CONVERTED.has(buffer)) this.#converted += size;
    else this.#weights.add(this.#deviceOf(buffer), size);
  }

  /**
   * The mapping of a file includes the weights that were converted to another layout. Their pages are
   * released after the conversion.
   */
  #endModel(): void {
    const size = Math.max(this.#mapped, this.#converted);
    if (size > 0) this.#weights.add(CPU, size);
    this.#mapped = this.#converted = 0;
  }

  /** Buffer names are device names with a suffix: `CPU_Mapped`, `Vulkan_Host`. */
  #deviceOf(written: string): string {
    const buffer = this.rpcDevices.get(written) ?? nameOf(written);
    const devices = new Set(this.#layers.values());
    if (devices.has(buffer)) return buffer;
    const prefix = buffer.replace(/_[^_]*$/, "");
    if (devices.has(prefix)) return prefix;
    const isHost = buffer === CPU || buffer.startsWith(`${CPU}_`) || buffer === AMX ||
      buffer.endsWith("_Host");
    return isHost ? CPU : buffer;
  }

  /** Splits a KV cache size over its layers: a load without allocation reports only the sum. */
  #share(total: number): void {
    const each = total / this.#cached.length;
    for (const device of this.#cached) this.#kv.add(device, each);
    this.#cached = [];
  }

  #endContext(): void {
    for (const [buffer, size] of this.#reserved) this.#compute.add(this.#deviceOf(buffer), size);
    this.#reserved = new Map();
  }

  /**
   * Part of one sharing device. For buffers the log reports the largest part, for the KV cache the
   * sum.
   */
  #part(device: string, all: MeasuredPlacement): MeasuredPlacement {
    return { ...all, device, kvBytes: Math.round(all.kvBytes / this.#sharing.length) };
  }

  report(): LoadReport {
    this.#endModel();
    this.#endContext();
    const counts = new BytesByDevice();
    for (const device of this.#layers.values()) counts.add(device, 1);
    const devices = new Set([
      ...counts.devices,
      ...this.#weights.devices,
      ...this.#kv.devices,
      ...this.#compute.devices,
    ]);
    const placed = (device: string) => ({
      device,
      layers: counts.of(device),
      weightBytes: this.#weights.of(device),
      kvBytes: Math.round(this.#kv.of(device)),
      computeBytes: this.#compute.of(device),
    });
    return {
      layerDevices: this.#layers,
      sharing: this.#sharing,
      placement: [...devices].flatMap((device) =>
        device === SHARED
          ? this.#sharing.map((one) => this.#part(one, placed(device)))
          : placed(device)
      ),
    };
  }
}

function nameOf(device: string): string {
  return device.startsWith(`${SHARED}(`) ? SHARED : device;
}

function bytes(mebibytes: string): number {
  return Math.round(Number(mebibytes) * MIB);
}
