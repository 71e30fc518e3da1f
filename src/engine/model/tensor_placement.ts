import type { TensorSize } from "../../../ffi/mod.ts";
import type { TensorOverride } from "../protocol/mod.ts";

const CPU = "CPU";
/** What the input layer is made of: it is always computed on the CPU. */
const INPUT = /^(token_embd|token_types|position_embd|token_embd_norm|per_layer_token_embd)\b/;
const LAYER = /^blk\.(\d+)\./;
/** Tensors of experts, as libllama's own programs pick them out. */
const EXPERTS = "ffn_(up|down|gate|gate_up)_(ch|)exps";

/** Keeps the experts of all layers, or of the first `count`, in the CPU's memory. */
export function expertOverrides(count: "all" | number): TensorOverride[] {
  if (count === "all") return [{ pattern: `\\.${EXPERTS}`, buffer: CPU }];
  return Array.from({ length: count }, (_, layer) => ({
    pattern: `blk\\.${layer}\\.${EXPERTS}`,
    buffer: CPU,
  }));
}

/** Where a model's weights would lie, in bytes. */
export interface WeightPlaces {
  readonly byDevice: ReadonlyMap<string, number>;
  /** Of all experts. */
  readonly expertBytes: number;
  /** That overrides keep off the devices of their layers. */
  readonly savedBytes: number;
}

/**
 * BytesByDevice up a file's tensors by the device they go to: a layer's to its device, the input's to the CPU,
 * the rest to the output's device, unless an override names a buffer.
 *
 * @param layerDevices device of each layer, by its number; the last one is the output
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
  // Without an output matrix of its own a model uses the input's, and each device needs its copy.
  const input = tensors.find(({ name }) => name === "token_embd.weight");
  const tied = !tensors.some(({ name }) => name === "output.weight");
  if (tied && input !== undefined && output !== CPU) add(output, input.bytes);
  return { byDevice, expertBytes, savedBytes };
}

/** What overrides ask for in vain, one sentence each. */
export function unmatchedOverrides(
  names: readonly string[],
  overrides: readonly TensorOverride[],
): string[] {
  const isExperts = ({ pattern }: TensorOverride) => pattern.endsWith(EXPERTS);
  const isVain = ({ pattern }: TensorOverride) => {
    const expression = new RegExp(pattern);
    return !names.some((name) => expression.test(name));
  };
  const experts = overrides.filter(isExperts);
  return [
    ...(experts.length > 0 && experts.every(isVain)
      ? ["The model has no experts there: --cpu-moe and --n-cpu-moe change nothing"]
      : []),
    ...overrides.filter((one) => !isExperts(one) && isVain(one)).map(({ pattern }) =>
      `--override-tensor: no tensor's name matches '${pattern}'`
    ),
  ];
}

function deviceOfBuffer(buffer: string, layerDevices: ReadonlyMap<number, string>): string {
  const devices = new Set(layerDevices.values());
  return devices.has(buffer) ? buffer : /^CPU|_Host$/.test(buffer) ? CPU : buffer;
}
