import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { ShimmyError } from "../errors.ts";
import { KeysDouble } from "../../tests/doubles/keys.ts";
import { randomId } from "./claims.ts";
import { readKeyUse } from "./use/counters.ts";
import { ensureKeyList, readKeyList, revokeKey } from "./key_list.ts";
import { issueKey } from "./key_store.ts";
import { FolderKeyring } from "./keyring.ts";
import { isReadableByOthers } from "./private_file.ts";
import { ensureSigningKey, signingKeyPath } from "./signing_key.ts";
import { signToken } from "./token.ts";

/** The start of a minute, in milliseconds. */
const START = 1_700_000_040_000;

Deno.test("a key of the folder is verified, others are not", async () => {
  await using keys = await KeysDouble.create();
  await using other = await KeysDouble.create();
  const { keyring } = keys;
  assert(keyring.isRequired);
  const { claims, token } = await keys.issue();
  assertEquals(await keyring.verify(token), claims);
  assertEquals(await keyring.verify((await other.issue()).token), null);
  assertEquals(await keyring.verify("sk-whatever"), null);
});

Deno.test("a license is no key", async () => {
  await using keys = await KeysDouble.create();
  const { keyring } = keys;
  const { privateKey } = await ensureSigningKey(keys.folder);
  const license = { type: "license", id: randomId(), name: "n", created: 1 } as const;
  assertEquals(await keyring.verify(await signToken(license, privateKey)), null);
});

Deno.test("without a list no key is required, and a signing key alone does not change that", async () => {
  const folder = await Deno.makeTempDir();
  await ensureSigningKey(folder);
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  await using keyring = await FolderKeyring.open(folder, { warn });
  assertEquals(keyring.isRequired, false);
  await ensureKeyList(folder);
  await keyring.reload();
  assertEquals(keyring.isRequired, true);
  assertEquals(warnings, [
    "A list of keys was made: requests require a key from now on",
  ]);
  await keyring.reload();
  assertEquals(warnings.length, 1);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a revoked and an expired key are invalid, also when they were verified before", async () => {
  await using keys = await KeysDouble.create();
  const { keyring } = keys;
  const { claims, token } = await keys.issue({ expires: keys.now / 1000 + 10 });
  await keyring.verify(token);
  assertEquals(keyring.invalidity(claims), null);
  keys.now += 10_000;
  assertEquals(keyring.invalidity(claims), "expired");
  await revokeKey(keys.folder, claims.id, keys.now / 1000);
  await keyring.reload();
  assertEquals(keyring.invalidity((await keyring.verify(token))!), "revoked");
});

Deno.test("a list that is lost or damaged keeps what was known", async () => {
  await using keys = await KeysDouble.create();
  const { keyring } = keys;
  const { claims } = await keys.issue();
  await revokeKey(keys.folder, claims.id, 1);
  await keyring.reload();
  await Deno.writeTextFile(join(keys.folder, "keys.json"), "{");
  await keyring.reload();
  assertEquals(keyring.invalidity(claims), "revoked");
  await Deno.remove(join(keys.folder, "keys.json"));
  await keyring.reload();
  assertEquals([keyring.isRequired, keyring.invalidity(claims)], [true, "revoked"]);
  assertEquals(keys.warnings, [
    "Cannot read the list of keys: its file is damaged",
    "The list of keys has disappeared; keys stay required",
  ]);
  await Deno.writeTextFile(join(keys.folder, "keys.json"), "{");
  await assertRejects(() => FolderKeyring.open(keys.folder), ShimmyError, "damaged");
});

Deno.test("requests are counted in windows of time, and refused ones are not", async () => {
  await using keys = await KeysDouble.create();
  const { keyring } = keys;
  const { claims } = await keys.issue({ rate: { amount: 2, seconds: 60 } });
  keys.now = START + 15_000;
  assertEquals(keyring.admit(claims), null);
  assertEquals(keyring.quotas(claims).requests, {
    limit: 2,
    remaining: 1,
    reset: 45,
    resetAt: START / 1000 + 60,
  });
  assertEquals(keyring.admit(claims), null);
  const state = { limit: 2, remaining: 0, reset: 45, resetAt: START / 1000 + 60 };
  for (let i = 0; i < 3; i++) assertEquals(keyring.admit(claims), { of: "requests", state });
  keys.now += 45_000;
  assertEquals(keyring.quotas(claims).requests, {
    limit: 2,
    remaining: 2,
    reset: 60,
    resetAt: START / 1000 + 120,
  });
  assertEquals(keyring.admit(claims), null);
});

Deno.test("a request may exceed the rest of the tokens; the next one is refused", async () => {
  await using keys = await KeysDouble.create();
  const { keyring } = keys;
  const { claims } = await keys.issue({ tokens: { amount: 100, seconds: 3600 } });
  assertEquals(keyring.admit(claims), null);
  keyring.spend(claims, 99);
  assertEquals(keyring.admit(claims), null);
  keyring.spend(claims, 99);
  assertEquals(keyring.quotas(claims).tokens?.remaining, 0);
  assertEquals(keyring.admit(claims)?.of, "tokens");
});

Deno.test("counters survive a restart", async () => {
  await using keys = await KeysDouble.create();
  const { claims } = await keys.issue({
    rate: { amount: 2, seconds: 60 },
    tokens: { amount: 100, seconds: 60 },
  });
  keys.keyring.admit(claims);
  keys.keyring.admit(claims);
  keys.keyring.spend(claims, 30);
  await keys.reopen();
  const { keyring } = keys;
  assertEquals(keyring.quotas(claims).requests?.remaining, 0);
  assertEquals(keyring.quotas(claims).tokens?.remaining, 70);
  const { requests, tokens } = (await readKeyUse(keys.folder))[claims.id]!;
  assertEquals([requests, tokens], [2, 30]);
});

Deno.test({
  name: "pipes in place of the files of keys are refused and block nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const file of ["signing.json", "keys.json", "usage.json"]) {
      await using keys = await KeysDouble.create();
      await keys.issue();
      const path = join(keys.folder, file);
      await Deno.remove(path).catch(() => {});
      await new Deno.Command("mkfifo", { args: [path] }).output();
      await keys.keyring.reload();
      // The counters are read at the start only.
      if (file === "usage.json") await keys.reopen();
      assertStringIncludes(keys.warnings.join("\n"), `Cannot read ${file}: not a regular file`);
    }
  },
});

Deno.test("damaged counters are reported and start anew", async () => {
  await using keys = await KeysDouble.create();
  await Deno.writeTextFile(join(keys.folder, "usage.json"), "[");
  await keys.reopen();
  assertEquals(keys.warnings.length, 1);
});

Deno.test({
  name: "only the owner reads the files, and none is left beside them",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using keys = await KeysDouble.create();
    const { claims } = await keys.issue();
    keys.keyring.admit(claims);
    await keys.reopen();
    const names = [];
    for await (const { name } of Deno.readDir(keys.folder)) {
      names.push(name);
      assertEquals(await isReadableByOthers(join(keys.folder, name)), false, name);
    }
    const locks = ["keys.json.lock", "signing.json.lock"];
    assertEquals(names.sort(), ["keys.json", ...locks, "signing.json", "usage.json"].sort());
    assertEquals((await Deno.stat(keys.folder)).mode! & 0o777, 0o700);
    await Deno.chmod(signingKeyPath(keys.folder), 0o644);
    assertEquals(await isReadableByOthers(signingKeyPath(keys.folder)), true);
  },
});

Deno.test("the signing key is made once; a damaged one is refused", async () => {
  await using keys = await KeysDouble.create();
  const [first, second] = [
    await ensureSigningKey(keys.folder),
    await ensureSigningKey(keys.folder),
  ];
  assertEquals(first.id, second.id);
  await Deno.writeTextFile(signingKeyPath(keys.folder), '{"kty":"OKP","crv":"Ed25519","d":"x"}');
  await assertRejects(() => ensureSigningKey(keys.folder), ShimmyError, "not an Ed25519 key");
});

Deno.test("a key that is not in the list can be revoked, and revoking keeps the first time", async () => {
  await using keys = await KeysDouble.create();
  const id = randomId();
  await revokeKey(keys.folder, id, 5);
  await revokeKey(keys.folder, id, 9);
  assertEquals(await readKeyList(keys.folder), { keys: [], revoked: { [id]: 5 } });
});

Deno.test("changes of the list at the same time are all kept", async () => {
  const folder = join(await Deno.makeTempDir(), "keys");
  try {
    const rights = { name: "n", scopes: ["chat"] } as const;
    const ids = Array.from({ length: 8 }, () => randomId());
    const [issued] = await Promise.all([
      Promise.all(ids.map(() => issueKey(folder, rights, 1_700_000_000))),
      Promise.all(ids.map((id) => revokeKey(folder, id, 1_700_000_000))),
    ]);
    const list = (await readKeyList(folder))!;
    assertEquals(Object.keys(list.revoked).sort(), ids.sort());
    assertEquals(
      list.keys.map(({ id }) => id).sort(),
      issued.map(({ claims }) => claims.id).sort(),
    );
    // All have the signature of the one key that is kept.
    await using keyring = await FolderKeyring.open(folder);
    for (const { key } of issued) assert(await keyring.verify(key) !== null);
  } finally {
    await Deno.remove(join(folder, ".."), { recursive: true });
  }
});

Deno.test("a list with times beyond all dates is damaged", async () => {
  await using keys = await KeysDouble.create();
  const { claims } = await keys.issue();
  const path = join(keys.folder, "keys.json");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace(String(claims.created), "9000000000000000"));
  await assertRejects(() => readKeyList(keys.folder), ShimmyError, "its file is damaged");
});
