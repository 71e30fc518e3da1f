import { assertEquals, assertRejects } from "@std/assert";
import { HttpError } from "../errors.ts";
import { checkJsonSize } from "./json_size.ts";

/** More than is parsed without counting. */
const MANY = 2 ** 20;

function check(text: string, values: number, parts: number): Promise<void> {
  return checkJsonSize(new TextEncoder().encode(text), { values, parts });
}

/** Asserts that a text has these numbers of values and parts. */
async function assertCount(text: string, values: number, parts: number): Promise<void> {
  await check(text, values, parts);
  for (
    const [limits, what] of [
      [[values - 1, parts], `${values - 1} JSON values`],
      [[values, parts - 1], `${parts - 1} JSON texts, objects and lists`],
    ] as const
  ) {
    const error = await assertRejects(() => check(text, ...limits), HttpError, what);
    assertEquals(error.status, 413);
  }
}

Deno.test("whole numbers are values, and everything else is a part too", async () => {
  await assertCount(`[${"1, ".repeat(MANY)}1]`, MANY + 1, 1);
  await assertCount(`[${'{"a":{}},'.repeat(MANY)}1]`, 4 * MANY + 1, 3 * MANY + 1);
  await assertCount(`[${'"a",'.repeat(MANY)}1]`, MANY + 1, MANY + 1);
  await assertCount(`[${"-1,".repeat(MANY)}1]`, MANY + 1, MANY + 1);
  await assertCount(`[${"0.5,".repeat(MANY)}1]`, MANY + 1, MANY + 1);
});

Deno.test("characters in texts do not count, whatever they look like", async () => {
  for (const text of ["[,:{", '\\",', "\\\\", "0.5"]) {
    await assertCount(`["${text.repeat(MANY)}",2]`, 2, 2);
  }
});

Deno.test("escapes count across the places where a long text is interrupted", async () => {
  for (let length = MANY - 3; length < MANY + 3; length++) {
    // The last quote of the first text is escaped or not.
    for (const escapes of [0, 1, 2, 3, MANY, MANY + 1]) {
      const text = `"${"a".repeat(length)}${"\\".repeat(escapes)}"`;
      await assertCount(`[${text}${escapes % 2 === 1 ? ',1"' : ""},2]`, 2, 2);
    }
  }
});

Deno.test("a small body is not counted", async () => {
  await check(`[${"1,".repeat(1000)}1]`, 1, 1);
});

Deno.test("other work goes on while a large body is counted", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await check(`["${"a".repeat(8 * MANY)}",${"1,".repeat(4 * MANY)}1]`, Infinity, Infinity);
  clearInterval(timer);
  assertEquals(turns > 0, true);
});
