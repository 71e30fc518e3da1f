import { assert, assertStrictEquals } from "@std/assert";
import type { AdapterInfo } from "../../../../engine/protocol/mod.ts";
import { modelEntry } from "../../../../../tests/doubles/model_entry.ts";
import { fingerprint } from "./envelope.ts";

const ENTRY = modelEntry("double");

function adapter(name: string, scale: number): AdapterInfo {
  return { name, kind: "lora", scale, path: `${name}.gguf`, digest: name };
}

Deno.test("the fingerprints of an engine are computed once, also for forms with an adapter", async () => {
  const closed = Promise.resolve(null);
  const of = (scale: number) =>
    fingerprint(ENTRY, { closed, adapters: [adapter("pirate", scale)] }, "1");
  const [plain, adapted] = [of(0), of(1)];
  assert(adapted !== plain);
  assertStrictEquals(of(0), plain);
  assertStrictEquals(of(1), adapted);
  await Promise.all([plain, adapted]);
});

Deno.test("the fingerprints that an engine keeps are bounded", async () => {
  const closed = Promise.resolve(null);
  const of = (scale: number) =>
    fingerprint(ENTRY, { closed, adapters: [adapter("pirate", scale)] }, "1");
  const first = of(1);
  const others = Array.from({ length: 38 }, (_, index) => of(index + 2));
  const again = of(1);
  assert(again !== first);
  await Promise.all([first, again, ...others]);
});
