import type { TensorSize } from "../../../../ffi/mod.ts";
import type { TensorOverride } from "../../protocol/mod.ts";

const CPU = "CPU";
/** Tensors of the input layer, which is always on the CPU. */
const INPUT = /^(token_embd|token_types|position_embd|token_embd_norm|per_layer_token_embd)\b/;
const LAYER = /^blk\.(\d+)\./;
/** Expert tensors; the pattern of llama.cpp. */
const EXPERTS = "ffn_(up|down|gate|gate_up)_(ch|)exps";

/** Overrides that keep the experts of all layers, or of the first `count` layers, on the CPU. */
export function expertOverrides(count: "all" | number): TensorOverride[] {
  if (count === "all") return [{ pattern: `\\.${EXPERTS}`, buffer: CPU }];
  return Array.from({ length: count }, (_, layer) => ({
    pattern: `blk\\.${layer}\\.${EXPERTS}`,
    buffer: CPU,
  }));
}

/** Size of the weights by device, in bytes. */
export interface WeightPlaces {
  readonly byDevice: ReadonlyMap<string, number>;
  /** Size of all experts. */
  readonly expertBytes: number;
  /** Bytes that overrides move from a device to the CPU. */
  readonly savedBytes: number;
}

/**
 * Sums tensor sizes by device. Layer tensors go to the device of their layer, input tensors to the
 * CPU, all others to the device of the output, unless an override matches.
 *
 * @param layerDevices device of each layer by number; the last one is the output layer
 */
export function placeTensors(
  tensors: readonly TensorSize[],
  layerDevices: ReadonlyMap<number, string>,
  overrides: readonly TensorOverride[],
): WeightPlaces {
  const byDevice = new Map<string, number>();
  let expertBytes = 0;
  let savedBytes = 0;
  const patterns = overrides.map(({ pattern, buffer }) => ({
    pattern: new RegExp(pattern),
    device: deviceOfBuffer(buffer, layerDevices),
  }));
  const experts = new RegExp(`\\.${EXPERTS}`);
  const output = layerDevices.get(layerDevices.size - 1) ?? CPU;
  const add = (device: string, bytes: number) =>
    byDevice.set(device, (byDevice.get(device) ?? 0) + bytes);
  for (const { name, bytes } of tensors) {
    const layer = LAYER.exec(name)?.[1];
    const usual = layer !== undefined
      ? layerDevices.get(Number(layer)) ?? CPU
      : INPUT.test(name)
      ? CPU
      : output;
    const device = patterns.find(({ pattern }) => pattern.test(name))?.device ?? usual;
    add(device, bytes);
    if (experts.test(name)) expertBytes += bytes;
    if (device === CPU && usual !== CPU) savedBytes += bytes;
  }
  // Without an output matrix the model uses the input matrix, and each device needs a copy.
  const input = tensors.find(({ name }) => name === "token_embd.weight");
  const tied = !tensors.some(({ name }) => name === "output.weight");
  if (tied && input !== undefined && output !== CPU) add(output, input.bytes);
  return { byDevice, expertBytes, savedBytes };
}

/** Notes on overrides without effect, one sentence each. */
export function unmatchedOverrides(
  names: readonly string[],
  overrides: readonly TensorOverride[],
): string[] {
  const isExperts = ({ pattern }: TensorOverride) => pattern.endsWith(EXPERTS);
  const isUnmatched = ({ pattern }: TensorOverride) => {
    const expression = new RegExp(pattern);
    return !names.some((name) => expression.test(name));
  };
  const experts = overrides.filter(isExperts);
  return [
    ...(experts.length > 0 && experts.every(isUnmatched)
      ? ["--cpu-moe and --n-cpu-moe have no effect: the model has no experts in these layers"]
      : []),
    ...overrides.filter((one) => !isExperts(one) && isUnmatched(one)).map(({ pattern }) =>
      `--override-tensor: no tensor name matches '${pattern}'`
    ),
  ];
}

function deviceOfBuffer(buffer: string, layerDevices: ReadonlyMap<number, string>): string {
  const devices = new Set(layerDevices.values());
  return devices.has(buffer) ? buffer : /^CPU|_Host$/.test(buffer) ? CPU : buffer;
}
