import type { Field } from "./byte_edits.ts";

/** Bytes of the values of `enum gguf_type`; 0 for strings and arrays. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const STRING = 8;
const ARRAY = 9;
/** Items of a list of strings whose lengths are fields; lists of vocabularies are long. */
const MOST_ITEMS = 4;

/**
 * The numbers in the header of a valid GGUF file: version, counts, lengths, types, values, shapes and
 * offsets. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function ggufFields(bytes: Uint8Array<ArrayBuffer>): Field[] {
  const view = new DataView(bytes.buffer);
  const fields: Field[] = [];
  let at = 4;
  const take = (name: string, size: 1 | 2 | 4 | 8): number => {
    fields.push({ name, at, size });
    const value = size === 8
      ? Number(view.getBigUint64(at, true))
      : size === 4
      ? view.getUint32(at, true)
      : size === 2
      ? view.getUint16(at, true)
      : view.getUint8(at);
    at += size;
    return value;
  };
  const skipString = (name: string) => {
    const length = take(`${name}: length`, 8);
    at += length;
  };
  const takeValue = (name: string, type: number) => {
    if (type === STRING) skipString(name);
    else if (type !== ARRAY) take(name, SIZES[type] as 1 | 2 | 4 | 8);
    else takeArray(name);
  };
  const takeArray = (name: string) => {
    const type = take(`${name}: element type`, 4);
    const count = take(`${name}: count`, 8);
    for (let index = 0; index < count; index++) {
      if (index < MOST_ITEMS) takeValue(`${name}[${index}]`, type);
      else if (type === STRING) at += 8 + Number(view.getBigUint64(at, true));
      else at += SIZES[type]!;
    }
  };
  take("version", 4);
  const tensors = take("tensors", 8);
  const keys = take("keys", 8);
  for (let index = 0; index < keys; index++) {
    const name = `key ${index}`;
    skipString(name);
    takeValue(name, take(`${name}: type`, 4));
  }
  for (let index = 0; index < tensors; index++) {
    const name = `tensor ${index}`;
    skipString(name);
    const dimensions = take(`${name}: dimensions`, 4);
    for (let d = 0; d < dimensions; d++) take(`${name}: dimension ${d}`, 8);
    take(`${name}: type`, 4);
    take(`${name}: offset`, 8);
  }
  return fields;
}
