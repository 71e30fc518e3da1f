import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as z from "zod";
import { boundLists } from "./bounded_lists.ts";

const MANY = 100_000;

function schemaOf() {
  const item = z.strictObject({ id: z.int(), tags: z.array(z.string()).max(3).optional() });
  return z.object({
    items: z.array(item).min(1).max(2 * MANY),
    either: z.union([z.array(z.string()), z.array(z.int())]).nullish(),
    get inner() {
      return z.array(z.lazy(() => z.object({ list: z.array(z.int()) }))).optional();
    },
  });
}

function issuesOf(schema: z.ZodType, value: unknown): readonly z.core.$ZodIssue[] {
  const { error } = schema.safeParse(value);
  return error?.issues ?? [];
}

const items = (count: number) => Array.from({ length: count }, (_, id) => ({ id }));

Deno.test("valid lists and short wrong ones are validated as without bounds", () => {
  const [plain, bounded] = [schemaOf(), boundLists(schemaOf())];
  const values: unknown[] = [
    { items: items(MANY), either: Array(MANY).fill(1), inner: [{ list: Array(MANY).fill(2) }] },
    { items: [] },
    { items: "none" },
    { items: [{ id: "a" }, { id: 1, x: 1 }, { id: 2, tags: ["a", "b", "c", "d"] }] },
    { items: [...items(700), { id: 1, tags: [1] }, ...items(700), { id: 0.5 }], either: [0.5] },
    { items: items(3), inner: [{ list: [...Array(500).fill(1), "a"] }] },
    { items: items(2 * MANY + 1) },
  ];
  for (const value of values) {
    const [expected, actual] = [plain.safeParse(value), bounded.safeParse(value)];
    assertEquals(actual.data, expected.data);
    assertEquals(actual.error?.issues, expected.error?.issues);
  }
});

Deno.test("a long list of integers is validated as without bounds, and not copied", () => {
  const schemas = [
    () => z.array(z.int()),
    () => z.array(z.int().min(0)).min(1),
    () => z.array(z.int().min(0).max(9)),
    () => z.array(z.int().gt(0).lt(9)),
    () => z.array(z.int().multipleOf(2)),
    () => z.array(z.int().refine((value) => value !== 3)),
  ];
  const lists = [-1, 0, 0.5, 3, 9, 10, 2 ** 53, "5", null].map((
    last,
  ) => [...Array(500).fill(2), last]);
  for (const schemaOf of schemas) {
    const [plain, bounded] = [schemaOf(), boundLists(schemaOf())];
    for (const list of lists) {
      const [expected, actual] = [plain.safeParse(list), bounded.safeParse(list)];
      assertEquals(actual.data, expected.data);
      assertEquals(issuesOf(bounded, list), issuesOf(plain, list));
    }
  }
  const ids = Array(MANY).fill(5);
  assertStrictEquals(boundLists(z.array(z.int().min(0)).min(1)).parse(ids), ids);
});

Deno.test("the issues of a list are bounded, and the first ones are the same", () => {
  const [plain, bounded] = [schemaOf(), boundLists(schemaOf())];
  const wrong = { items: Array(MANY).fill({ id: "a" }) };
  assertEquals(issuesOf(bounded, { items: items(1) }), []);
  const found = issuesOf(bounded, wrong);
  assert(found.length >= 1_000 && found.length < 2_000, `${found.length} issues`);
  assertEquals(found, issuesOf(plain, wrong).slice(0, found.length));
});

Deno.test("lists in unions and deeper lists are bounded too", () => {
  const bounded = boundLists(schemaOf());
  assertEquals(issuesOf(bounded, { items: items(1), either: [1], inner: [{ list: [1] }] }), []);
  const [union] = issuesOf(bounded, { items: items(1), either: Array(MANY).fill(0.5) });
  assert(union?.code === "invalid_union");
  assert(union.errors.flat().length < 4_000);
  const deep = { items: items(1), inner: [{ list: Array(MANY).fill("a") }] };
  assert(issuesOf(bounded, deep).length < 2_000);
});
