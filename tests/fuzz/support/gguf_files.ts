import { type ByteEdit, byteEdits, editBytes, type Field } from "../mutation/byte_edits.ts";
import { ggufFields } from "../mutation/gguf_fields.ts";
import * as fc from "test:fast-check";

/** Fields whose numbers are not needed to read the rest of the header. */
const VALUE = /^key \d+(\[\d+\])?$/;

/** A valid GGUF file, and what its changes need. */
export class GgufBase {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #fields: readonly Field[];

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#fields = ggufFields(bytes);
  }

  static async read(path: string): Promise<GgufBase> {
    return new GgufBase(await Deno.readFile(path));
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Edits of everything, of which most are refused at once, and edits of values and weights. */
  get edits(): fc.Arbitrary<ByteEdit[]> {
    const all = [...this.#fields.keys()];
    const values = all.filter((index) => VALUE.test(this.#fields[index]!.name));
    const size = this.#bytes.length;
    return fc.oneof(
      byteEdits({ fields: all, size, structure: true }),
      byteEdits({ fields: values, size, structure: false }),
    );
  }

  edited(edits: readonly ByteEdit[]): Uint8Array<ArrayBuffer> {
    return editBytes(this.#bytes, edits, this.#fields);
  }
}

/** Replaces a file: a process that has the old one open keeps it. */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.writeFile(`${path}.new`, bytes);
  await Deno.rename(`${path}.new`, path);
}
