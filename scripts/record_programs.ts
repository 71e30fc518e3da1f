/**
 * Runs the tests with real programs, and records which programs passed in tests/programs/results.txt. The
 * table of `deno task docs` comes from there.
 *
 *     deno task test:programs:record
 */
const RESULTS = new URL("../tests/programs/results.txt", import.meta.url);

await Deno.remove(RESULTS).catch(() => {});
const { code } = await new Deno.Command("deno", {
  args: ["task", "test:programs"],
  env: { SHIMMY_TEST_RESULTS: Deno.realPathSync(new URL(".", RESULTS)) + "/results.txt" },
}).output().then((ended) => {
  Deno.stdout.writeSync(ended.stdout);
  Deno.stderr.writeSync(ended.stderr);
  return ended;
});
const names = await Deno.readTextFile(RESULTS).catch(() => "");
const passed = [...new Set(names.split("\n").filter(Boolean))].sort();
await Deno.writeTextFile(RESULTS, passed.map((name) => `${name}\n`).join(""));
Deno.exit(code);
