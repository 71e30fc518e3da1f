import { assertAlmostEquals, assertEquals } from "@std/assert";
import { WorkLimits } from "./work_limits.ts";

const GB = 1e9;

/** The limits of a model with a file of so many bytes, which has a hole. */
async function limitsOf(bytes: number, stepTimeout: number | null = null): Promise<WorkLimits> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.truncate(path, bytes);
    return WorkLimits.of({ modelPaths: [path], batchSize: 0, stepTimeout });
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a message may take the time in which a slow disk returns the weights", async () => {
  assertEquals((await limitsOf(0)).message, 60);
  assertEquals((await limitsOf(4 * GB)).message, 60 + 200);
});

Deno.test("a batch may take the time of a slow processor for its tokens", async () => {
  const limits = await limitsOf(4 * GB);
  assertAlmostEquals(limits.step(0, 0), 260 + 512 * 4 / 5);
  assertAlmostEquals(limits.step(16 * GB, 0), 260 + 512 * 20 / 5);
  assertAlmostEquals(limits.step(0, 8192), 260 + 8192 * 4 / 5);
});

Deno.test("a fixed limit replaces those by size, and 0 is no limit", async () => {
  for (const fixed of [7, 0]) {
    const limits = await limitsOf(GB, fixed);
    assertEquals([limits.message, limits.step(GB, 8192)], [fixed, fixed]);
  }
});

Deno.test("a missing file does not fail here", () => {
  const limits = WorkLimits.of({ modelPaths: ["/no/such.gguf"], batchSize: 0 });
  assertEquals(limits.message, 60);
});
