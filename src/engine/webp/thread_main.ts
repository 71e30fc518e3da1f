import createDecoder from "@jsquash/webp/codec/dec/webp_dec.js";
import { webpDecoderBytes } from "../../assets/bytes.ts";
import type { DecodedWebp } from "./messages.ts";

/** The parts of the global scope of a dedicated Worker that are used here. */
const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Uint8Array<ArrayBuffer>>) => void) | null;
  postMessage(message: DecodedWebp, transfer: Transferable[]): void;
};

/** libwebp as WebAssembly. The types of the package name a module that it does not have. */
interface Decoder {
  /** Null for a damaged file. */
  decode(file: Uint8Array<ArrayBuffer>): {
    /** Red, green, blue and alpha of each pixel. */
    readonly data: Uint8ClampedArray;
    readonly width: number;
    readonly height: number;
  } | null;
}

interface DecoderOptions {
  readonly noInitialRun: true;
  readonly print: (text: string) => void;
  readonly printErr: (text: string) => void;
  /** Absent: the decoder reads the file beside its module. */
  readonly wasmBinary?: Uint8Array<ArrayBuffer>;
}

const create = createDecoder as unknown as (options: DecoderOptions) => Promise<Decoder>;
const silent = () => {};

const loading = load();

scope.onmessage = async ({ data }) => {
  const ppm = decoded(await loading, data);
  scope.postMessage({ ppm }, ppm === null ? [] : [ppm.buffer]);
};

async function load(): Promise<Decoder> {
  const wasmBinary = await webpDecoderBytes();
  return await create({
    noInitialRun: true,
    print: silent,
    printErr: silent,
    ...(wasmBinary === null ? {} : { wasmBinary }),
  });
}

function decoded(
  decoder: Decoder,
  file: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | null {
  try {
    const picture = decoder.decode(file);
    return picture === null ? null : toPpm(picture);
  } catch {
    // The file has ended the decoder.
    return null;
  }
}

/** A PPM file: a head as text, and red, green and blue of each pixel. */
function toPpm({ data, width, height }: NonNullable<ReturnType<Decoder["decode"]>>) {
  const head = new TextEncoder().encode(`P6\n${width} ${height}\n255\n`);
  const file = new Uint8Array(head.length + 3 * width * height);
  file.set(head);
  for (let from = 0, to = head.length; to < file.length; from += 4, to += 3) {
    file[to] = data[from]!;
    file[to + 1] = data[from + 1]!;
    file[to + 2] = data[from + 2]!;
  }
  return file;
}
