import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "test:fast-check";
import {
  DamagedStateFile,
  decodeState,
  statePieces,
} from "../../../src/engine/disk_cache/state_file.ts";
import { editStateFile, stateEdits } from "./state_files.ts";

const ORIGIN = { fingerprint: "f", scope: "" };

async function validFile(): Promise<Uint8Array<ArrayBuffer>> {
  const state = { tokens: [1, 2, 3], state: new Uint8Array([9, 8, 7]), checkpoints: [] };
  const pieces = [...statePieces(state, ORIGIN)].map((piece) => new Uint8Array(piece));
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

Deno.test("damage is found by the checksums, and a forged file has right ones", async () => {
  const file = await validFile();
  const damaged = editStateFile(file, { bytes: [{ op: "bytes", at: file.length - 6, hex: "ff" }] });
  assertThrows(() => decodeState(damaged, ORIGIN), DamagedStateFile);
  const forged = editStateFile(file, { head: [], body: [{ op: "bytes", at: 12, hex: "ff" }] });
  assertEquals([...decodeState(forged, ORIGIN)!.state], [255, 8, 7]);
  assertEquals(editStateFile(file, { head: [], body: [] }), file);
});

Deno.test("the same seed gives the same edits", () => {
  const sample = () => JSON.stringify(fc.sample(stateEdits(100), { seed: 7, numRuns: 50 }));
  assertEquals(sample(), sample());
});
