import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  deletedKey,
  parseSessionKey,
  savedKey,
  sessionFolder,
  sessionOrigin,
} from "./session_key.ts";

Deno.test("the folder of a session hides its name, and the secret decides it", () => {
  const folder = sessionFolder("talk", "secret");
  assert(/^sessions\/[0-9a-f]{32}\/$/.test(folder));
  assertEquals(sessionFolder("talk", "secret"), folder);
  assertNotEquals(sessionFolder("talk", "other"), folder);
  assertNotEquals(sessionFolder("tall", "secret"), folder);
  for (const name of ["../../x", "a/b", "ü\n", ""]) {
    assert(/^sessions\/[0-9a-f]{32}\/$/.test(sessionFolder(name, "")));
  }
});

Deno.test("the origin of a state depends on its model, its adapters and its session", () => {
  const origin = (folder: string, fingerprint: string, scope: string) =>
    sessionOrigin(folder, { fingerprint, scope }).hash;
  const all = [
    origin("a/", "m", ""),
    origin("b/", "m", ""),
    origin("a/", "n", ""),
    origin("a/", "m", "lora"),
  ];
  assertEquals(new Set(all).size, 4);
});

Deno.test("keys tell version and origin, and others are not keys", () => {
  const origin = "0123456789abcdef";
  const saved = savedKey("sessions/a/", 1_700_000_000_000, origin);
  assertEquals(parseSessionKey("sessions/a/", saved), {
    ...{ key: saved, version: 1_700_000_000_000, origin },
  });
  const deleted = deletedKey("sessions/a/", 7);
  assertEquals(parseSessionKey("sessions/a/", deleted), { key: deleted, version: 7, origin: null });
  for (
    const key of [
      ...["sessions/b/7.deleted", "sessions/a/x.deleted", "sessions/a/7", "sessions/a/b/7.deleted"],
      ...[
        `sessions/a/7-${origin}`,
        "sessions/a/7-0.session",
        `sessions/a/${"9".repeat(16)}.deleted`,
      ],
    ]
  ) {
    assertEquals(parseSessionKey("sessions/a/", key), null, key);
  }
});
