/** What memory of a device holds, in bytes. */
export interface DeviceMemory {
  readonly device: string;
  readonly weights: number;
  /** Null where libllama does not report it. */
  readonly kv: number | null;
  readonly compute: number | null;
  /** Maximum of cached states; absent where it is not planned. */
  readonly cache?: number;
  /** Memory that other programs and models use; absent where it is not known. */
  readonly used?: number;
  /** Memory that is kept in reserve. */
  readonly reserved?: number;
  /** Size of the device; absent where it is not known. */
  readonly total?: number;
}

export type PartKind = "used" | "weights" | "kv" | "compute" | "cache" | "reserved";

/** A part of a bar. */
export interface Part {
  readonly kind: PartKind;
  readonly bytes: number;
  /** Share of the bar, 0 to 1. */
  readonly share: number;
}

/** The parts of a bar in the order of memory, without empty ones. */
export interface Bar {
  readonly parts: readonly Part[];
  /** Bytes of the model. */
  readonly needed: number;
  /** The parts are larger than the device. */
  readonly isOver: boolean;
}

/** The parts of a device's bar. They fill the bar where the device is too small or of unknown size. */
export function barOf(memory: DeviceMemory): Bar {
  const { weights, kv, compute, cache = 0, used = 0, reserved = 0 } = memory;
  const sizes: readonly (readonly [PartKind, number])[] = [
    ["used", used],
    ["weights", weights],
    ["kv", kv ?? 0],
    ["compute", compute ?? 0],
    ["cache", cache],
    ["reserved", reserved],
  ];
  const sum = sizes.reduce((total, [, bytes]) => total + bytes, 0);
  const whole = Math.max(memory.total ?? 0, sum, 1);
  return {
    parts: sizes.filter(([, bytes]) => bytes > 0)
      .map(([kind, bytes]) => ({ kind, bytes, share: bytes / whole })),
    needed: weights + (kv ?? 0) + (compute ?? 0),
    // Cached states take only what is free.
    isOver: memory.total !== undefined && sum - cache > memory.total,
  };
}
