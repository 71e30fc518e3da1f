import { assertEquals } from "@std/assert";
import { DraftUndo } from "./draft_undo.ts";

/** A memory that records calls. */
class MemoryDouble {
  readonly calls: string[] = [];
  canRestore = true;

  removeTokens(id: number, from: number, to: number): boolean {
    this.calls.push(`remove ${id} ${from} ${to}`);
    return true;
  }
  saveCheckpoint(id: number): Uint8Array<ArrayBuffer> {
    this.calls.push(`save ${id}`);
    return new Uint8Array(1);
  }
  restoreCheckpoint(id: number): boolean {
    this.calls.push(`restore ${id}`);
    return this.canRestore;
  }
}

const stream = () => ({ id: 2, tokens: [1, 2, 3] });

Deno.test("rejected tokens are removed where the memory can lose them", () => {
  const memory = new MemoryDouble();
  const undo = new DraftUndo(memory, false);
  const drafted = stream();
  undo.prepare(drafted);
  drafted.tokens.push(4, 5, 6, 7);
  undo.undo(drafted, 5);
  assertEquals([drafted.tokens, memory.calls], [[1, 2, 3, 4, 5], ["remove 2 5 -1"]]);
});

Deno.test("a recurrent state returns to the checkpoint before the draft", () => {
  const memory = new MemoryDouble();
  const undo = new DraftUndo(memory, true);
  const drafted = stream();
  undo.prepare(drafted);
  drafted.tokens.push(4, 5, 6, 7);
  undo.undo(drafted, 5);
  assertEquals(drafted.tokens, [1, 2, 3]);
  assertEquals(memory.calls, ["save 2", "restore 2", "remove 2 3 -1"]);
});

Deno.test("a checkpoint that cannot be restored leaves an empty stream", () => {
  const memory = new MemoryDouble();
  const undo = new DraftUndo(memory, true);
  const drafted = stream();
  undo.prepare(drafted);
  drafted.tokens.push(4, 5);
  memory.canRestore = false;
  undo.undo(drafted, 4);
  assertEquals([drafted.tokens, memory.calls.at(-1)], [[], "remove 2 -1 -1"]);
});

Deno.test("after a draft that was accepted nothing is undone, and its checkpoint is not used later", () => {
  const memory = new MemoryDouble();
  const undo = new DraftUndo(memory, true);
  const drafted = stream();
  undo.prepare(drafted);
  drafted.tokens.push(4, 5);
  undo.undo(drafted, 5);
  assertEquals([drafted.tokens, memory.calls], [[1, 2, 3, 4, 5], ["save 2"]]);
});
