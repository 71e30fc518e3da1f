import { assertEquals } from "@std/assert";
import { findCrowded, findCycles, findProblems, findUnused, type Import } from "./layers.ts";

const edge = (from: string, to: string, isDynamic = false): Import => ({ from, to, isDynamic });

/** The problems of one import among the modules it names and a few doors. */
function problemsOf(from: string, to: string, isDynamic = false): string[] {
  const doors = ["src/engine/mod.ts", "src/engine/scheduler/mod.ts", "src/engine/protocol/mod.ts"];
  const files = [...new Set([from, to, ...doors])];
  return findProblems([edge(from, to, isDynamic)], files);
}

Deno.test("an import of a lower room's door is allowed", () => {
  assertEquals(problemsOf("src/chat/answer.ts", "src/engine/mod.ts"), []);
  assertEquals(problemsOf("src/engine/load_engine.ts", "src/engine/scheduler/mod.ts"), []);
  assertEquals(problemsOf("src/chat/answer.ts", "src/engine/protocol/mod.ts"), []);
});

Deno.test("an import of a higher layer is a problem, also a dynamic one", () => {
  const problem = "src/engine/scheduler/loop.ts imports src/cli/main.ts, of a higher layer";
  assertEquals(problemsOf("src/engine/scheduler/loop.ts", "src/cli/main.ts"), [problem]);
  assertEquals(problemsOf("src/engine/scheduler/loop.ts", "src/cli/main.ts", true), [problem]);
});

Deno.test("rooms of one layer do not import each other", () => {
  assertEquals(problemsOf("src/server/api/ollama/mod.ts", "src/server/api/openai/dialect.ts"), [
    "src/server/api/ollama/mod.ts imports src/server/api/openai/dialect.ts, of another room of the " +
    "same layer",
  ]);
});

Deno.test("a static import that passes a door is a problem", () => {
  const [from, to] = ["src/chat/answer.ts", "src/engine/scheduler/loop.ts"];
  assertEquals(problemsOf(from, to), [`${from} imports ${to}: its door is src/engine/mod.ts`]);
  assertEquals(problemsOf(from, "src/engine/scheduler/mod.ts").length, 1);
  assertEquals(problemsOf(from, to, true), []);
});

Deno.test("cycles are found, whatever their length", () => {
  const chain = [edge("a.ts", "b.ts"), edge("b.ts", "c.ts"), edge("a.ts", "c.ts")];
  assertEquals(findCycles(chain), []);
  assertEquals(findCycles([...chain, edge("c.ts", "a.ts")]), [["a.ts", "b.ts", "c.ts"]]);
  const cycle = [edge("src/errors.ts", "src/digest.ts"), edge("src/digest.ts", "src/errors.ts")];
  assertEquals(findProblems(cycle, ["src/errors.ts", "src/digest.ts"]), [
    "Import cycle: src/digest.ts, src/errors.ts",
  ]);
});

Deno.test("a module without a room is a problem", () => {
  assertEquals(findProblems([], ["elsewhere/file.ts"]), [
    "elsewhere/file.ts belongs to no room of architecture.ts",
  ]);
});

Deno.test("a folder with too many files is a problem, whichever it is", () => {
  for (const folder of ["src/engine/model", "src/cli/commands", "scripts/bench"]) {
    const files = Array.from({ length: 16 }, (_, index) => `${folder}/file${index}.ts`);
    assertEquals(findCrowded(files), [`${folder} holds 16 files; at most 15 are allowed`]);
    assertEquals(findCrowded(files.slice(1)), []);
  }
});

Deno.test("a room or a door that does not exist is a problem", () => {
  const files = ["main.ts", "src/engine/mod.ts"];
  assertEquals(findUnused(["main.ts", "src/engine", "src/engine/mod.ts"], files), []);
  assertEquals(findUnused(["src/eng", "src/engine/door.ts"], files), [
    "architecture.ts names src/eng, which does not exist",
    "architecture.ts names src/engine/door.ts, which does not exist",
  ]);
});
