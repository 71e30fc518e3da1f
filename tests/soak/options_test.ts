import { assertEquals, assertThrows } from "@std/assert";
import { parseSoakOptions } from "./options.ts";

const FAULTS = ["calm", "stall"];

Deno.test("without arguments a run takes a minute with a fixed seed", () => {
  assertEquals(parseSoakOptions([], FAULTS), { minutes: 1, seed: 1, only: null, json: null });
});

Deno.test("every option is read", () => {
  const args = ["--minutes", "0.5", "--seed=7", "--only", "stall,calm", "--json", "out.json"];
  assertEquals(parseSoakOptions(args, FAULTS), {
    minutes: 0.5,
    seed: 7,
    only: ["stall", "calm"],
    json: "out.json",
  });
});

Deno.test("what is not understood is an error", () => {
  const cases: [string[], string][] = [
    [["--minute", "1"], "--minute"],
    [["10"], "'10'"],
    [["--minutes", "ten"], "--minutes: must be a number"],
    [["--only", "fire"], "--only: must be some of calm,stall, not 'fire'"],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parseSoakOptions(args, FAULTS), TypeError, message);
  }
});
