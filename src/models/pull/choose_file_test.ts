import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { chooseModel, projectorFor } from "./choose_file.ts";

function choose(paths: string[], quantization: string | null = null, file: string | null = null) {
  return chooseModel(paths, { repository: "o/r", quantization, file }).paths;
}

Deno.test("the default quantization is Q4_K_M, otherwise the nearest", () => {
  const all = ["m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-F16.gguf", "README.md"];
  assertEquals(choose(all), ["m-Q4_K_M.gguf"]);
  assertEquals(choose(["m.Q8_0.gguf", "m.Q5_K_M.gguf", "m.Q2_K.gguf"]), ["m.Q5_K_M.gguf"]);
  assertEquals(choose(["m-IQ1_S.gguf"]), ["m-IQ1_S.gguf"]);
  assertEquals(choose(["model.gguf"]), ["model.gguf"]);
});

Deno.test("a requested quantization ignores case and must match completely", () => {
  const all = ["m-q4_k_m.gguf", "m-Q4_K_S.gguf", "m-UD-Q3_K_XL.gguf", "m-bf16.gguf", "m-f16.gguf"];
  assertEquals(choose(all, "q4_K_s"), ["m-Q4_K_S.gguf"]);
  assertEquals(choose(all, "Q4_K_M"), ["m-q4_k_m.gguf"]);
  assertEquals(choose(all, "F16"), ["m-f16.gguf"]);
  assertEquals(choose(all, "Q3_K_XL"), ["m-UD-Q3_K_XL.gguf"]);
  assertThrows(
    () => choose(all, "Q4_K"),
    ShimmyError,
    "no quantization Q4_K; available: Q4_K_M, Q4_K_S, UD-Q3_K_XL, BF16, F16",
  );
});

Deno.test("a quantization, a folder or any shard selects the whole shard set", () => {
  const set = ["Q4_K_M/m-00001-of-00002.gguf", "Q4_K_M/m-00002-of-00002.gguf"];
  const all = [...set, "m-Q8_0-00001-of-00002.gguf", "m-Q2_K.gguf"];
  assertEquals(choose(all), set);
  assertEquals(choose(all, null, set[1]!), set);
  // A set with a missing shard is not a model.
  assertThrows(
    () => choose(all, "Q8_0"),
    ShimmyError,
    "no quantization Q8_0; available: Q4_K_M, Q2_K",
  );
});

Deno.test("projectors, drafts and importance matrices are not models", () => {
  const all = ["mmproj-F16.gguf", "m.imatrix.gguf", "mtp-m.gguf", "sub/mmproj-m-Q4_K_M.gguf"];
  assertEquals(choose([...all, "m-Q8_0.gguf"]), ["m-Q8_0.gguf"]);
  const none = all.filter((path) => path !== "mtp-m.gguf");
  assertThrows(() => choose(none), ShimmyError, "it has no GGUF files");
  const more = ["Q8_0/mmproj_Q8_0.gguf", "m_Q8_0.mmproj.gguf", "model-MMPROJ-BF16.gguf"];
  assertEquals(choose([...more, "m-Q8_0.gguf"], "q8_0"), ["m-Q8_0.gguf"]);
  // A requested file is used in any case.
  assertEquals(choose(all, null, "mmproj-F16.gguf"), ["mmproj-F16.gguf"]);
});

Deno.test("files with the name of a draft model are models unless there is another", () => {
  for (const word of ["MTP", "dflash", "Eagle3"]) {
    const all = [`m-${word}-Q4_K_M.gguf`, `m-${word}-Q8_0.gguf`, "mmproj-F16.gguf"];
    assertEquals(choose(all), [all[0]!]);
    assertEquals(choose(all, "q8_0"), [all[1]!]);
    assertEquals(choose([...all, "m-Q8_0.gguf"]), ["m-Q8_0.gguf"]);
    assertThrows(
      () => choose([...all, "m-Q8_0.gguf"], "Q4_K_M"),
      ShimmyError,
      "no quantization Q4_K_M; available: Q8_0",
    );
  }
});

Deno.test("of several matches the one outside of subfolders is chosen, otherwise the choice is refused", () => {
  const all = ["big/m-Q4_K_M.gguf", "m-Q4_K_M.gguf"];
  assertEquals(choose(all), ["m-Q4_K_M.gguf"]);
  assertThrows(
    () => choose(["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"]),
    ShimmyError,
    "several models match; specify one of hf:o/r/a-Q4_K_M.gguf, hf:o/r/b-Q4_K_M.gguf",
  );
  assertThrows(
    () => choose(all, null, "x.gguf"),
    ShimmyError,
    "no file x.gguf; available: big/m-Q4_K_M.gguf, m-Q4_K_M.gguf",
  );
});

Deno.test("the projector of a model has its name, or there is only one model", () => {
  const files = ["m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf"];
  assertEquals(projectorFor(files, "m-Q4_K_M.gguf"), "mmproj-F16.gguf");
  assertEquals(projectorFor(files.slice(0, 2), "m-Q4_K_M.gguf"), undefined);
  assertEquals(projectorFor([...files, "n-Q8_0.gguf"], "m-Q4_K_M.gguf"), undefined);
  const named = [...files, "n-Q8_0.gguf", "mmproj-m-f16.gguf"];
  assertEquals(projectorFor(named, "m-Q4_K_M.gguf"), "mmproj-m-f16.gguf");
  assertEquals(projectorFor(named, "n-Q8_0.gguf"), undefined);
  assertEquals(projectorFor(files, "mmproj-F16.gguf"), undefined);
});

Deno.test("the projector of a model in a folder is in the folder, or in one above", () => {
  const files = [
    "mmproj-F16.gguf",
    "Q4_0/m-00001-of-00002.gguf",
    "Q4_0/m-00002-of-00002.gguf",
    "Q8_0/m-Q8_0.gguf",
    "Q8_0/mmproj-Q8_0.gguf",
  ];
  assertEquals(projectorFor(files, files[1]!), "mmproj-F16.gguf");
  assertEquals(projectorFor(files, "Q8_0/m-Q8_0.gguf"), "Q8_0/mmproj-Q8_0.gguf");
});
