import { assert, assertEquals } from "@std/assert";
import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { type Claims, fromPayload, type KeyClaims, randomId, toPayload } from "./claims.ts";
import { isSignedBy, parseToken, signToken } from "./token.ts";

const CLAIMS: KeyClaims = {
  type: "key",
  id: "0123456789abcdef",
  name: "Zoë",
  created: 1_700_000_000,
  expires: 1_800_000_000,
  scopes: ["chat", "admin"],
  models: ["tiny*"],
  rate: { amount: 60, seconds: 60 },
  tokens: { amount: 1_000_000, seconds: 86_400 },
};

async function keyPair(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]) as CryptoKeyPair;
}

Deno.test("a token carries its claims, and its signature is checked without a lookup", async () => {
  const [own, other] = [await keyPair(), await keyPair()];
  const token = await signToken(CLAIMS, own.privateKey);
  const parsed = parseToken(token)!;
  assertEquals(parsed.claims, CLAIMS);
  assert(await isSignedBy(parsed, own.publicKey));
  assert(!await isSignedBy(parsed, other.publicKey));
});

Deno.test("changed claims do not match the signature", async () => {
  const { privateKey, publicKey } = await keyPair();
  const [payload, signature] = (await signToken(CLAIMS, privateKey)).slice(7).split(".");
  const json = new TextDecoder().decode(decodeBase64Url(payload!)).replace('"chat"', '"embed"');
  const forged = parseToken(`shimmy-${encodeBase64Url(json)}.${signature}`)!;
  assertEquals((forged.claims as KeyClaims).scopes, ["embed", "admin"]);
  assert(!await isSignedBy(forged, publicKey));
});

Deno.test("claims without limits and licenses have short payloads that are read again", () => {
  const { type, id, name, created } = CLAIMS;
  const short: Claims = { type, id, name, created, scopes: ["chat"] };
  assertEquals(toPayload(short), { v: 1, t: "key", i: id, n: name, c: created, s: ["chat"] });
  assertEquals(fromPayload(toPayload(short)), short);
  const license: Claims = { type: "license", id, name, created };
  assertEquals(fromPayload(toPayload(license)), license);
});

Deno.test("other texts are no tokens", async () => {
  const { privateKey } = await keyPair();
  const token = await signToken(CLAIMS, privateKey);
  for (const text of ["", "sk-x", token.slice(0, -1), `${token}A`, token.replace("shimmy-", "")]) {
    assertEquals(parseToken(text), null, text);
  }
  const long = { ...CLAIMS, models: ["x".repeat(5000)] };
  assertEquals(parseToken(await signToken(long, privateKey)), null);
});

Deno.test("malformed payloads are no claims", () => {
  const payload = toPayload(CLAIMS);
  const changes: Record<string, unknown>[] = [
    { v: 2 },
    { t: "other" },
    { i: "x" },
    { n: 1 },
    { c: -1 },
    { e: "soon" },
    { s: ["root"] },
    { s: "chat" },
    { m: [1] },
    { r: [60] },
    { r: [60, 0] },
    { q: "1M" },
  ];
  for (const change of changes) {
    assertEquals(fromPayload({ ...payload, ...change }), null, JSON.stringify(change));
  }
  assertEquals(fromPayload(null), null);
  assert(fromPayload(payload) !== null);
});

Deno.test("ids are random", () => {
  assertEquals(new Set(Array.from({ length: 100 }, randomId)).size, 100);
});
