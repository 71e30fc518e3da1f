import { assert, assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { ensureSigningKey } from "../access/mod.ts";
import { DEFAULT_SAMPLING } from "../engine/protocol/mod.ts";
import { canonicalJson, requestDigest, tokensDigest } from "./canonical.ts";
import { FileDigests } from "./digests.ts";
import {
  fromSamplingJson,
  isReceipt,
  isSignatureValid,
  type ReceiptClaims,
  signReceipt,
  toSamplingJson,
} from "./receipt.ts";

const CLAIMS: ReceiptClaims = {
  version: 1,
  id: "0123456789abcdef",
  created: "2026-01-01T00:00:00.000Z",
  route: "/v1/chat/completions",
  request_sha256: "00",
  shimmy: "1",
  libllama: "1",
  platform: "x",
  model: { name: "m", sha256: ["00"] },
  adapters: [],
  backend: { devices: ["CPU"], offloaded_layers: 0, threads: 1 },
  context: {
    length: 1,
    parallel: 1,
    batch_size: 1,
    kv_type: "f16",
    flash_attention: "auto",
    kv_unified: false,
    swa_full: true,
    context_shift: false,
    lookup: false,
    draft: false,
  },
  cache: { enabled: true, cached_tokens: 0, session: false },
  batches: { prefill_rows: [1, 1], decode_rows: [1, 1], sequences: [1, 1] },
  sampling: toSamplingJson({ ...DEFAULT_SAMPLING, seed: 3 }),
  steered: false,
  prompt: { tokens: 1, sha256: "00" },
  answer: { tokens: [1, 2], finish_reason: "stop" },
};

Deno.test("a signature holds for the same values in any order, and for no other value", async () => {
  const folder = await Deno.makeTempDir();
  const receipt = await signReceipt(CLAIMS, await ensureSigningKey(folder));
  assert(isReceipt(receipt));
  assert(await isSignatureValid(receipt));
  const reordered = Object.fromEntries(Object.entries(receipt).reverse()) as typeof receipt;
  assert(await isSignatureValid(JSON.parse(JSON.stringify(reordered, null, 2))));
  const answer = { ...receipt.answer, tokens: [1, 3] };
  assert(!await isSignatureValid({ ...receipt, answer }));
  assert(!await isSignatureValid({ ...receipt, shimmy: "2" }));
  const other = await ensureSigningKey(join(folder, "other"));
  assert(!await isSignatureValid(receipt, other.publicText));
  assert(!await isSignatureValid({ ...receipt, signature: "x" }));
  assert(!await isSignatureValid(receipt, "no key"));
  await Deno.remove(folder, { recursive: true });
});

/** Copies of a value: in each, one member at any depth is changed, removed or added. */
function alterations(value: unknown, path = ""): (readonly [path: string, value: unknown])[] {
  if (Array.isArray(value)) {
    return [
      [`${path}+`, [...value, 0]],
      ...value.flatMap((item, at) => [
        [`${path}[${at}]-`, value.toSpliced(at, 1)] as const,
        ...alterations(item, `${path}[${at}]`).map(([where, other]) =>
          [where, value.with(at, other)] as const
        ),
      ]),
    ];
  }
  if (typeof value === "object" && value !== null) {
    return [
      [`${path}+`, { ...value, more: 0 }],
      ...Object.entries(value).flatMap(([key, member]) => {
        const { [key]: _, ...rest } = value as Record<string, unknown>;
        return [
          [`${path}.${key}-`, rest] as const,
          ...alterations(member, `${path}.${key}`).map(([where, other]) =>
            [where, { ...value, [key]: other }] as const
          ),
        ];
      }),
    ];
  }
  if (typeof value === "number") return [[path, value + 1], [path, String(value)]];
  if (typeof value === "boolean") return [[path, !value]];
  return [[path, `${value}x`], [path, 0]];
}

Deno.test("a receipt that is changed in any field has no valid signature", async () => {
  const folder = await Deno.makeTempDir();
  const receipt = await signReceipt(CLAIMS, await ensureSigningKey(folder));
  const altered = alterations(receipt);
  assert(altered.length > 150, String(altered.length));
  for (const [path, value] of altered) {
    assert(!isReceipt(value) || !await isSignatureValid(value), path);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("canonical JSON sorts keys at every depth and leaves out undefined", () => {
  const value = { b: [{ d: 1, c: "ü\n" }], a: { f: null, e: 1e21, g: undefined } };
  assertEquals(canonicalJson(value), '{"a":{"e":1e+21,"f":null},"b":[{"c":"ü\\n","d":1}]}');
  // An object lists its whole numbers first, by their value.
  const numbers = { b: 1, 9: 2, 10: 3, "-1": [undefined, { 2: 4, 11: undefined }] };
  assertEquals(canonicalJson(numbers), '{"-1":[null,{"2":4}],"10":3,"9":2,"b":1}');
  assertEquals(canonicalJson(JSON.parse('{"__proto__":{"a":1}}')), '{"__proto__":{"a":1}}');
});

Deno.test("a request's digest leaves out how the answer is sent", async () => {
  const digest = await requestDigest({ prompt: "Hi", seed: 1 });
  assertEquals(await requestDigest({ seed: 1, stream: true, receipt: true, prompt: "Hi" }), digest);
  assert(await requestDigest({ prompt: "Hi", seed: 2 }) !== digest);
});

Deno.test("the digest of tokens is that of 32-bit numbers in little-endian order", async () => {
  const bytes = new Uint8Array([1, 0, 0, 0, 0, 1, 0, 0]);
  const expected = encodeHex(await crypto.subtle.digest("SHA-256", bytes));
  assertEquals(await tokensDigest([1, 256]), expected);
});

Deno.test("sampling survives the way through a receipt, infinite biases included", () => {
  const sampling = {
    ...DEFAULT_SAMPLING,
    seed: 5,
    logitBias: [{ token: 3, bias: -Infinity }, { token: 4, bias: 0.5 }],
  };
  const json = JSON.parse(JSON.stringify(toSamplingJson(sampling)));
  assertEquals([json.top_n_sigma, json.dry_allowed_length], [-1, 2]);
  assertEquals(fromSamplingJson(json), sampling);
});

Deno.test("other values are no receipts", () => {
  for (const value of [null, 1, {}, { ...CLAIMS }, { error: "x" }]) {
    assert(!isReceipt(value), JSON.stringify(value));
  }
});

/** A folder with a file, and a counter of computed digests. */
async function files() {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "m.gguf");
  await Deno.writeTextFile(path, "abc");
  let count = 0;
  const hash = () => Promise.resolve(`digest ${++count}`);
  return { folder, path, hash, count: () => count };
}

Deno.test("a digest is computed once for a path, size and time, also after a restart", async () => {
  const { folder, path, hash, count } = await files();
  const digests = new FileDigests(folder, hash);
  const both = await Promise.all([digests.of(path), digests.of(path)]);
  assertEquals(both, ["digest 1", "digest 1"]);
  assertEquals(await new FileDigests(folder, hash).of(path), "digest 1");
  assertEquals(count(), 1);
  await Deno.writeTextFile(path, "abcd");
  assertEquals(await digests.of(path), "digest 2");
  await Deno.utime(path, 1000, 1000);
  assertEquals(await digests.of(path), "digest 3");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a digest is computed in another process", async () => {
  const { folder, path } = await files();
  const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals(await new FileDigests(folder).of(path), expected);
  await Deno.remove(folder, { recursive: true });
});
