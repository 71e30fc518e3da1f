import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { main } from "../main.ts";

/** Runs `keys` or `license` with a folder of its own. */
async function folder() {
  const path = join(await Deno.makeTempDir(), "keys");
  const run = async (...args: string[]) => {
    const environment = new EnvironmentDouble();
    const status = await main([...args, "--keys-dir", path], environment);
    return { status, out: environment.out, notes: environment.notes };
  };
  return {
    path,
    run,
    [Symbol.asyncDispose]: () => Deno.remove(join(path, ".."), { recursive: true }),
  };
}

Deno.test("a created key has the rights of the options, and is listed without itself", async () => {
  await using keys = await folder();
  const rights = ["--models", "a*, b", "--scopes", "admin,metrics", "--rate", "5/s"];
  const args = ["--name", "ops", ...rights, "--tokens", "2k/hour", "--expires", "1d"];
  const created = await keys.run("keys", "create", ...args);
  assertEquals(created.status, 0);
  const key = created.out.trim();
  assertMatch(
    created.notes[0]!,
    /^Key 'ops' \([0-9a-f]{16}\): admin, metrics; models a\*, b; 5\/s /,
  );
  assertStringIncludes(created.notes.join("\n"), "now require a key");
  const [listed] = JSON.parse((await keys.run("keys", "list", "--json")).out);
  const { id, created: time, expires, ...rest } = listed;
  assertEquals(Date.parse(expires) - Date.parse(time), 86_400_000);
  assertEquals(rest, {
    name: "ops",
    scopes: ["admin", "metrics"],
    models: ["a*", "b"],
    rate: "5/s",
    tokens: "2k/hour",
    state: "valid",
    used_requests: 0,
    used_tokens: 0,
    last_used: null,
  });
  assertEquals((await keys.run("keys", "inspect", key)).status, 0);
  assertEquals((await Deno.readTextFile(join(keys.path, "keys.json"))).includes(key), false);
  await keys.run("keys", "revoke", id.toUpperCase());
  assertMatch((await keys.run("keys", "list")).out, /ops +revoked/);
});

Deno.test("a key without options may use all models and change nothing", async () => {
  await using keys = await folder();
  const { out } = await keys.run("keys", "create", "--name", "n", "--json");
  const { key: _key, id: _id, created: _created, ...rights } = JSON.parse(out);
  assertEquals(rights, {
    name: "n",
    expires: null,
    scopes: ["chat", "embed", "models:read"],
    models: null,
    rate: null,
    tokens: null,
  });
});

Deno.test("wrong command lines for keys are refused and write nothing", async () => {
  await using keys = await folder();
  const cases: [string[], number, string][] = [
    [["keys", "make"], 2, "must be one of init, create, list, revoke, inspect, public"],
    [["keys", "create"], 2, "--name is missing"],
    [["keys", "create", "--name", "n", "--models", ","], 2, "--models: must have a pattern"],
    [["keys", "create", "x", "--name", "n"], 2, "unexpected argument 'x'"],
    [
      ["keys", "create", "--name", "n", "--scopes", "chat,root"],
      2,
      "separated by commas, not 'root'",
    ],
    [["keys", "create", "--name", "n", "--scopes", ","], 2, "--scopes: must be some of"],
    [["keys", "create", "--name", "n", "--rate", "many"], 2, "--rate: must be a number per time"],
    [["keys", "create", "--name", "n", "--expires", "soon"], 2, "--expires: must be a duration"],
    [["keys", "revoke"], 2, "ID is missing"],
    [["keys", "revoke", "n"], 2, "must be an id of shimmy keys list"],
    [["keys", "inspect", "sk-other"], 1, "This is no key or license"],
    [["keys", "list"], 1, "There are no keys"],
    [["keys", "public"], 1, "There are no keys"],
  ];
  for (const [args, status, message] of cases) {
    const outcome = await keys.run(...args);
    assertEquals(outcome.status, status, args.join(" "));
    assertStringIncludes(outcome.notes.join("\n"), message);
  }
  assertEquals(await Deno.stat(keys.path).catch(() => null), null);
});

Deno.test("a license and a key are not taken for each other", async () => {
  await using keys = await folder();
  const license = (await keys.run("license", "--issue", "Zoë")).out.trim();
  const key = (await keys.run("keys", "create", "--name", "n")).out.trim();
  assertStringIncludes((await keys.run("license", key)).notes[0]!, "This is a key");
  assertStringIncludes((await keys.run("keys", "inspect", license)).notes[0]!, "This is a license");
  assertEquals(JSON.parse((await keys.run("license", license, "--json")).out).name, "Zoë");
});
