/** The demonstration of a cluster, as a user runs it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { has, run, testWith } from "../packaging/tools.ts";
import { PARTS } from "./demo/parts.ts";

const MAIN = fileURLToPath(new URL("demo/main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.test.json", import.meta.url));

const programs = {
  name: ["haproxy", ...PARTS.map(({ needs }) => needs.program)].join(" or "),
  here: await has("haproxy", "-v") && PARTS.every(({ needs }) => needs.here),
};

const demonstrate = (env: Record<string, string> = {}) =>
  run([Deno.execPath(), "run", "-A", `--config=${CONFIG}`, MAIN, "--once"], {
    env: { NO_COLOR: "1", ...env },
  });

testWith("the demonstration tells where prompts went, and ends", programs, async () => {
  const { code, stdout, stderr } = await demonstrate();
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^shared store: (Valkey|Redis) [\d.]+, redis:\/\/127\.0\.0\.1:\d+$/m);
  assertMatch(stdout, /^RPC workers: 127\.0\.0\.1:\d+,127\.0\.0\.1:\d+$/m);
  for (const name of ["a", "b", "c"]) {
    const line = `^replica ${name}: http://127\\.0\\.0\\.1:\\d+, layers on RPC0 \\d, RPC1 \\d$`;
    assertMatch(stdout, new RegExp(line, "m"));
  }
  const rows = stdout.split("\n").filter((line) => /\| [0-9a-f]{16} /.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  assertEquals(rows.length, 6);
  for (const at of [0, 1, 2]) {
    const [, , replica, prefix, , cached] = rows[at]!;
    const [, , sameReplica, samePrefix, , more] = rows[at + 3]!;
    assertEquals([sameReplica, samePrefix], [replica, prefix]);
    assert(Number(more) > Number(cached), `${more} tokens were cached, ${cached} before`);
  }
  assertStringIncludes(stdout, "A response that replica a stored, continued by replica b: 200");
});

Deno.test("the demonstration names the packages of missing programs", async () => {
  // Nor is there what an earlier run has fetched.
  const folder = await Deno.makeTempDir();
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  const { code, stdout, stderr } = await demonstrate({ PATH: "", SHIMMY_TEST_PROGRAMS: folder });
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(stderr, "haproxy is missing: it is in the package haproxy of Debian");
  assertStringIncludes(stderr, "the package valkey-server or redis-server of Debian");
});
