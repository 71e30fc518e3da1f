import { decodeHex, encodeHex } from "@std/encoding/hex";
import * as fc from "test:fast-check";

/** A number in a file, such as a length or a type. */
export interface Field {
  readonly name: string;
  readonly at: number;
  /** Bytes, little-endian. */
  readonly size: 1 | 2 | 4 | 8;
}

/** A change of a file. Positions and numbers of fields wrap around. */
export type ByteEdit =
  /** Replaces a field by a number, which is written in decimal digits. */
  | { readonly op: "field"; readonly field: number; readonly value: string }
  /** Replaces bytes by the same number of other bytes. */
  | { readonly op: "bytes"; readonly at: number; readonly hex: string }
  | { readonly op: "insert"; readonly at: number; readonly hex: string }
  | { readonly op: "remove"; readonly at: number; readonly count: number }
  /** Removes everything from a position on. */
  | { readonly op: "cut"; readonly at: number };

/** Applies edits in their order. The places of the fields are those of the file before the edits. */
export function editBytes(
  bytes: Uint8Array<ArrayBuffer>,
  edits: readonly ByteEdit[],
  fields: readonly Field[],
): Uint8Array<ArrayBuffer> {
  return edits.reduce((file, edit) => applyEdit(file, edit, fields), bytes.slice());
}

function applyEdit(
  bytes: Uint8Array<ArrayBuffer>,
  edit: ByteEdit,
  fields: readonly Field[],
): Uint8Array<ArrayBuffer> {
  if (edit.op === "field") return setField(bytes, fields, edit);
  const at = edit.at % (bytes.length + 1);
  switch (edit.op) {
    case "cut":
      return bytes.slice(0, at);
    case "remove":
      return join(bytes.subarray(0, at), bytes.subarray(at + edit.count));
    case "insert":
      return join(bytes.subarray(0, at), decodeHex(edit.hex), bytes.subarray(at));
    case "bytes": {
      const added = decodeHex(edit.hex).subarray(0, bytes.length - at);
      bytes.set(added, at);
      return bytes;
    }
  }
}

function setField(
  bytes: Uint8Array<ArrayBuffer>,
  fields: readonly Field[],
  { field, value }: Extract<ByteEdit, { op: "field" }>,
): Uint8Array<ArrayBuffer> {
  const chosen = fields[field % fields.length];
  if (chosen === undefined || chosen.at + chosen.size > bytes.length) return bytes;
  for (let index = 0, rest = BigInt.asUintN(64, BigInt(value)); index < chosen.size; index++) {
    bytes[chosen.at + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Numbers at which lengths, counts and types are often handled wrongly. */
const NUMBERS = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 8n, 9n, 31n, 32n, 63n, 64n, 127n, 128n, 255n, 256n, 65_535n],
  ...[31n, 32n, 33n, 52n, 53n, 62n, 63n, 64n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits]),
].map(String);

/** What edits of a file may change. */
export interface EditedParts {
  /** Numbers of fields. */
  readonly fields: readonly number[];
  /** Bytes of the file. */
  readonly size: number;
  /** Whether bytes are inserted, removed and cut, and bytes of the beginning are replaced. */
  readonly structure: boolean;
}

/** Edits of a file of a format. */
export function byteEdits({ fields, size, structure }: EditedParts): fc.Arbitrary<ByteEdit[]> {
  const anywhere = fc.nat(size);
  const at = structure ? fc.oneof(fc.nat(400), anywhere) : anywhere;
  const hex = fc.uint8Array({ minLength: 1, maxLength: 12 })
    .map((bytes) => encodeHex(bytes));
  const value = fc.oneof(fc.constantFrom(...NUMBERS), fc.bigInt(0n, 2n ** 32n).map(String));
  const op = <T extends string>(name: T) => fc.constant(name);
  const structural = (edits: readonly fc.Arbitrary<ByteEdit>[]) =>
    structure ? edits.map((arbitrary) => ({ weight: 1, arbitrary })) : [];
  const edit: fc.Arbitrary<ByteEdit> = fc.oneof(
    {
      weight: fields.length === 0 ? 0 : 10,
      arbitrary: fc.record(
        {
          op: op("field"),
          field: fc.constantFrom(...fields, ...(fields.length === 0 ? [0] : [])),
          value,
        },
        PLAIN,
      ),
    },
    { weight: 4, arbitrary: fc.record({ op: op("bytes"), at, hex }, PLAIN) },
    ...structural([
      fc.record({ op: op("insert"), at, hex }, PLAIN),
      fc.record({ op: op("remove"), at, count: fc.nat(200) }, PLAIN),
      fc.record({ op: op("cut"), at }, PLAIN),
    ]),
  );
  return fc.array(edit, { minLength: 1, maxLength: 4 });
}

const PLAIN = { noNullPrototype: true } as const;
