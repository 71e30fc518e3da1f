/** Changes of files that decoders must survive. */
import { joined } from "./pictures.ts";

/** Values of fields at their bounds. */
const BOUNDS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Bytes at the start of a file in which most fields are. */
const HEAD = 96;

/** A changed copy of a file. @param random numbers of 32 bits, which decide the changes */
export function mutated(
  file: Uint8Array<ArrayBuffer>,
  random: () => number,
): Uint8Array<ArrayBuffer> {
  let bytes = file.slice();
  const upTo = (limit: number) => random() % Math.max(1, limit);
  const place = () => upTo(random() % 2 === 0 ? Math.min(HEAD, bytes.length) : bytes.length);
  for (let change = 0; change <= random() % 4; change++) {
    const at = place();
    switch (random() % 7) {
      case 0:
        bytes[at] = random();
        break;
      case 1:
        bytes[at]! ^= 1 << random() % 8;
        break;
      case 2: {
        const value = new DataView(new ArrayBuffer(4));
        value.setUint32(0, BOUNDS[upTo(BOUNDS.length)]!, random() % 2 === 0);
        bytes.set(new Uint8Array(value.buffer, random() % 4).subarray(0, bytes.length - at), at);
        break;
      }
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes = joined([bytes.subarray(0, at), bytes.subarray(place())]);
        break;
      case 5:
        bytes.fill(random(), at, at + upTo(400));
        break;
      case 6:
        bytes = joined([
          bytes.subarray(0, at),
          bytes.subarray(at, at + upTo(900)),
          bytes.subarray(at),
        ]);
        break;
    }
  }
  return bytes;
}
