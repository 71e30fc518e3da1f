/**
 * Counts the schemas of a collection that compile to a grammar, and checks each grammar against the
 * collection's examples.
 *
 * Usage: coverage.ts FOLDER [--every N] [--reasons] [--verbose]
 *
 * The folder contains JSON files: lists of `{schema, tests}` as in JSON-Schema-Test-Suite, or one
 * `{schema, tests}` a file as in MaskBench. Exit code 1: a grammar accepts an invalid example.
 */
import { parseArgs } from "@std/cli/parse-args";
import { schemaToGrammar } from "../../src/grammar/mod.ts";
import { ShimmyError } from "../../src/errors.ts";
import { matches, parseGbnf } from "../grammar/gbnf.ts";

interface Example {
  readonly data: unknown;
  readonly valid: boolean;
}

interface Case {
  readonly name: string;
  readonly schema: unknown;
  readonly tests: readonly Example[];
}

/** Longest example that the matcher reads. Its time grows with the square of the length. */
const MAX_EXAMPLE = 4_000;

const options = parseArgs(Deno.args, {
  boolean: ["reasons", "verbose"],
  string: ["every"],
});
const folder = String(options._[0] ?? "");
if (folder === "") {
  console.error("Usage: coverage.ts FOLDER [--every N] [--reasons] [--verbose]");
  Deno.exit(2);
}

const counts = { schemas: 0, compiled: 0, examples: 0, valid: 0, accepted: 0, skipped: 0 };
const reasons = new Map<string, string[]>();
const wrong: string[] = [];
let slowest = { name: "", milliseconds: 0 };

for (const { name, schema, tests } of cases(folder, Number(options.every ?? 1))) {
  counts.schemas++;
  const start = performance.now();
  const source = compile(name, schema);
  const milliseconds = performance.now() - start;
  if (milliseconds > slowest.milliseconds) slowest = { name, milliseconds };
  if (source === null) continue;
  counts.compiled++;
  const grammar = parseGbnf(source);
  for (const { data, valid } of tests) {
    const written = JSON.stringify(inOrder(data, propertyOrder(schema)));
    if (written.length > MAX_EXAMPLE) {
      counts.skipped++;
      continue;
    }
    counts.examples++;
    const accepted = matches(grammar, written);
    if (valid) counts.valid++;
    if (valid && accepted) counts.accepted++;
    if (valid && !accepted && options.verbose) console.log(`narrower: ${name}: ${written}`);
    if (!valid && accepted) wrong.push(`${name}: ${written}`);
  }
}

console.log(`schemas ${counts.schemas}, compiled ${counts.compiled}`);
console.log(
  `examples ${counts.examples}, valid ${counts.valid}, of them accepted ${counts.accepted}, ` +
    `too long ${counts.skipped}`,
);
console.log(`slowest ${slowest.name}: ${slowest.milliseconds.toFixed(0)} ms`);
const order = [...reasons].sort((a, b) => b[1].length - a[1].length);
for (const [reason, names] of options.reasons ? order : []) {
  console.log(`${String(names.length).padStart(6)} ${reason}  (${names.slice(0, 3).join(" ")})`);
}
console.log(`invalid examples accepted: ${wrong.length}`);
for (const one of wrong) console.log(`  ${one.slice(0, 300)}`);
Deno.exit(wrong.length === 0 ? 0 : 1);

function compile(name: string, schema: unknown): string | null {
  try {
    return schemaToGrammar(schema, { compact: true });
  } catch (error) {
    const known = error instanceof ShimmyError;
    if (!known) console.log(`${name}: ${error instanceof Error ? error.stack : error}`);
    const reason = known
      ? error.message.replace(/ at #\S*/, "").replaceAll(/"[^"]*"/g, '"…"')
      : "not a ShimmyError";
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
    return null;
  }
}

function* cases(folder: string, every: number): Generator<Case> {
  const paths = [...files(folder)].sort().filter((_, index) => index % every === 0);
  for (const path of paths) {
    const name = path.slice(folder.length + 1);
    const content: unknown = JSON.parse(Deno.readTextFileSync(path));
    if (Array.isArray(content)) {
      for (const one of content) yield { ...one, name: `${name} ${one.description}` };
    } else yield { ...(content as Case), name };
  }
}

function* files(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* files(path);
    else if (entry.name.endsWith(".json")) yield path;
  }
}

/** Ranks of property names: the order in which a schema declares them. */
function propertyOrder(schema: unknown, ranks = new Map<string, number>()): Map<string, number> {
  if (typeof schema !== "object" || schema === null) return ranks;
  const { properties } = schema as { properties?: unknown };
  if (typeof properties === "object" && properties !== null && !Array.isArray(properties)) {
    for (const name of Object.keys(properties)) if (!ranks.has(name)) ranks.set(name, ranks.size);
  }
  for (const value of Object.values(schema)) propertyOrder(value, ranks);
  return ranks;
}

/** A value with declared properties first, in the schema's order, as grammars demand. */
function inOrder(value: unknown, ranks: ReadonlyMap<string, number>): unknown {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, ranks));
  if (typeof value !== "object" || value === null) return value;
  const rank = (name: string) => ranks.get(name) ?? Infinity;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, inOrder(item, ranks)] as const)
      .sort(([a], [b]) => rank(a) === rank(b) ? 0 : rank(a) - rank(b)),
  );
}
