import * as fc from "test:fast-check";
import { crc32 } from "../../../src/digest.ts";
import { type ByteEdit, byteEdits, editBytes } from "./byte_edits.ts";
import { editJson, type Json, type JsonEdit, jsonEdits } from "./json_edits.ts";

/** Changes of a session or of a file of the disk cache. */
export type StateEdits =
  /** Damage, which the checksums show. */
  | { readonly bytes: readonly ByteEdit[] }
  /** A file with right checksums, made by a program that knows the format. */
  | { readonly head: readonly JsonEdit[]; readonly body: readonly ByteEdit[] };

/** Bytes of the magic, and of the length and the checksum of the head. */
const MAGIC = 8;
const PREAMBLE = MAGIC + 8;
const CHECKSUM = 4;

/** Applies changes to a valid file; see `src/engine/disk_cache/state_file.ts` for the format. */
export function editStateFile(
  file: Uint8Array<ArrayBuffer>,
  edits: StateEdits,
): Uint8Array<ArrayBuffer> {
  if ("bytes" in edits) return editBytes(file, edits.bytes, FIELDS);
  const end = PREAMBLE + new DataView(file.buffer).getUint32(MAGIC, true);
  const head = JSON.parse(new TextDecoder().decode(file.subarray(PREAMBLE, end)));
  const body = editBytes(file.slice(end, -CHECKSUM), edits.body, []);
  return assemble(file.subarray(0, MAGIC), editJson(head, edits.head), body);
}

function assemble(magic: Uint8Array, head: Json, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const file = new Uint8Array(PREAMBLE + json.length + body.length + CHECKSUM);
  const view = new DataView(file.buffer);
  file.set(magic);
  view.setUint32(MAGIC, json.length, true);
  view.setUint32(MAGIC + 4, crc32(json), true);
  file.set(json, PREAMBLE);
  file.set(body, PREAMBLE + json.length);
  view.setUint32(file.length - CHECKSUM, crc32(body), true);
  return file;
}

const FIELDS = [
  { name: "head length", at: MAGIC, size: 4 },
  { name: "head checksum", at: MAGIC + 4, size: 4 },
] as const;

/** Edits of a file of about this size. */
export function stateEdits(size: number): fc.Arbitrary<StateEdits> {
  const plain = { noNullPrototype: true };
  const none: fc.Arbitrary<ByteEdit[]> = fc.constant([]);
  return fc.oneof(
    fc.record({ bytes: byteEdits({ fields: [0, 1], size, structure: true }) }, plain),
    fc.record({
      head: jsonEdits(KEYS),
      body: fc.oneof(none, byteEdits({ fields: [], size, structure: true })),
    }, plain),
  );
}

const KEYS = [
  ...["fingerprint", "scope", "marks", "checkpointBytes", "stateBytes"],
  ...["length", "whole", "blocks", "checkpoints"],
];
