import { assertEquals, assertThrows } from "@std/assert";
import { join, resolve } from "node:path";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import type { LoadOptions } from "../../engine/protocol/mod.ts";
import { expertOverrides } from "../../engine/model/placement/tensor_placement.ts";
import { ShimmyError } from "../../errors.ts";
import { GLOBAL_OPTIONS } from "../options/global_options.ts";
import { parseOptions, UsageError } from "../options/options.ts";
import { diskCacheOf, loadOptions } from "./load_options.ts";
import { checkPlacement } from "../options/placement_options.ts";

function valuesOf(args: string[]) {
  return parseOptions(args, GLOBAL_OPTIONS, () => undefined).values;
}

function optionsFor(
  args: string[],
  devices: string[] = [],
  sharesOneContext = false,
): LoadOptions {
  const values = valuesOf(args);
  const runtime = {
    variant: "cpu",
    folder: "/lib",
    source: "cache",
    version: "0.5.0",
  } as const;
  const loras = [{ path: "adapter.gguf", scale: 0.5 }];
  return loadOptions(entryDouble("m", { loras }), { runtime, devices }, {
    globals: values,
    parallel: 3,
    sharesOneContext,
  });
}

Deno.test("sequences share one context unless --kv-unified decides", () => {
  const { kvUnified, sharesOneContext } = optionsFor([], [], true);
  assertEquals([kvUnified, sharesOneContext], ["on", true]);
  const own = optionsFor(["--kv-unified", "off"], [], true);
  assertEquals([own.kvUnified, own.sharesOneContext], ["off", undefined]);
});

Deno.test("without options the engine uses its defaults", () => {
  assertEquals(optionsFor([]), {
    libraryFolder: "/lib",
    modelPaths: ["m.gguf"],
    loras: [{ name: "adapter", path: resolve("adapter.gguf"), scale: 0.5 }],
    devices: [],
    gpuLayers: 0,
    contextLength: 0,
    parallel: 3,
    batchSize: 0,
    threads: 0,
    kvType: "f16",
    flashAttention: "auto",
    kvUnified: "auto",
    gpuReserve: null,
    swaFull: "auto",
    lookup: true,
    contextShift: false,
    streamInterval: null,
    verbose: false,
  });
});

Deno.test("the projector of a model is loaded, unless the options name another or none", () => {
  const projectorWith = (args: string[]) =>
    loadOptions(
      entryDouble("m", { projector: "own.gguf" }),
      {
        runtime: { variant: "cpu", folder: "/lib", source: "cache", version: "0.5.0" },
        devices: [],
      },
      { globals: valuesOf(args), parallel: 3 },
    ).projector;
  assertEquals(projectorWith([]), { path: "own.gguf", offload: true, isOptional: true });
  assertEquals(projectorWith(["--mmproj", "p.gguf"])?.path, resolve("p.gguf"));
  assertEquals(projectorWith(["--no-mmproj"]), undefined);
  assertEquals(projectorWith(["--no-mmproj", "--mmproj", "p.gguf"]), undefined);
});

Deno.test("every option reaches the engine", () => {
  const cases: [string[], Partial<LoadOptions>][] = [
    [["--ctx", "512"], { contextLength: 512 }],
    [["--batch", "64"], { batchSize: 64 }],
    [["--threads", "2"], { threads: 2 }],
    [["--kv-type", "q8_0"], { kvType: "q8_0" }],
    [["--flash-attn", "off"], { flashAttention: "off" }],
    [["--kv-unified"], { kvUnified: "on" }],
    [["--kv-unified", "off"], { kvUnified: "off" }],
    [["--kv-unified=auto"], { kvUnified: "auto" }],
    [["--gpu-reserve", "100"], { gpuReserve: 100 * 2 ** 20 }],
    [["--lookup", "off"], { lookup: false }],
    [["--stream-interval", "0"], { streamInterval: 0 }],
    [["--context-shift"], { contextShift: true }],
    [["--mmproj", "p.gguf"], {
      projector: { path: resolve("p.gguf"), offload: true, isOptional: false },
    }],
    [["--mmproj", "p.gguf", "--mmproj-offload", "off"], {
      projector: { path: resolve("p.gguf"), offload: false, isOptional: false },
    }],
    [["--verbose"], { verbose: true }],
    [["--gpu-layers", "7"], { gpuLayers: 7 }],
    [["--gpu-layers", "all"], { gpuLayers: -1 }],
    [["--split-mode", "row"], { splitMode: "row" }],
    [["--split-mode", "none", "--main-gpu", "1"], { splitMode: "none", mainGpu: 1 }],
    [["--split-mode", "tensor"], { splitMode: "tensor" }],
    [["--tensor-split", "3,1"], { tensorSplit: [3, 1] }],
    [["--tensor-split", "0.5/ 0.25"], { tensorSplit: [0.5, 0.25] }],
    [["--cpu-moe"], { tensorOverrides: expertOverrides("all") }],
    [["--n-cpu-moe", "2"], { tensorOverrides: expertOverrides(2) }],
    [
      ["--override-tensor", "blk=0=CPU", "--override-tensor", "ffn=GPU0"],
      {
        tensorOverrides: [{ pattern: "blk=0", buffer: "CPU" }, {
          pattern: "ffn",
          buffer: "GPU0",
        }],
      },
    ],
  ];
  for (const [args, expected] of cases) {
    assertEquals(optionsFor(args), { ...optionsFor([]), ...expected }, args.join(" "));
  }
});

Deno.test("the limit of a step reaches the engine", () => {
  const runtime = { variant: "cpu", folder: "/lib", source: "cache", version: "0.5.0" } as const;
  const request = { globals: valuesOf([]), parallel: 1 };
  for (const stepTimeout of [null, 0, 9]) {
    const options = loadOptions(entryDouble("m"), { runtime, devices: [] }, {
      ...request,
      stepTimeout,
    });
    assertEquals(options.stepTimeout, stepTimeout);
  }
});

Deno.test("a prefix cache on disk is used only if it is asked for, also for one model", () => {
  const location = (args: string[], diskCache?: number) => {
    const settings = diskCache === undefined ? {} : { diskCache };
    const request = { globals: valuesOf(args), parallel: 1 };
    return diskCacheOf(entryDouble("m", { settings }), request, () => "/cache");
  };
  assertEquals([location([]), location(["--disk-cache", "0"])], [undefined, undefined]);
  assertEquals(location(["--disk-cache", "2GB"]), {
    folder: join("/cache", "prefixes"),
    modelBytes: 2e9,
    totalBytes: 2e9,
  });
  assertEquals(location(["--disk-cache", "2GB", "--disk-cache-dir", "kept"], 1e9), {
    folder: resolve("kept"),
    modelBytes: 1e9,
    totalBytes: 2e9,
  });
  assertEquals(location([], 1e9)?.totalBytes, Number.MAX_SAFE_INTEGER);
  assertEquals(location(["--disk-cache", "2GB"], 0), undefined);
  assertThrows(
    () => location(["--disk-cache", "2"]),
    ShimmyError,
    "--disk-cache: must be a size with a unit such as 20GB or 512MiB, or 0, not '2'",
  );
});

Deno.test("placement options without an effect are refused", () => {
  const check = (args: string[]) => checkPlacement(valuesOf(args));
  assertThrows(() => check(["--main-gpu", "1"]), UsageError, "--split-mode none");
  assertThrows(() => optionsFor(["--override-tensor", "CPU"]), UsageError, "PATTERN=BUFFER");
  assertThrows(() => optionsFor(["--override-tensor", "(=CPU"]), UsageError, "regular expression");
  assertThrows(
    () => optionsFor(["--split-mode", "rows"]),
    UsageError,
    "--split-mode: must be one of none, layer, row, tensor, not 'rows'",
  );
  for (const split of ["", "1,", "a,b", "-1,2", "0,0", "Infinity"]) {
    assertThrows(
      () => optionsFor([`--tensor-split=${split}`]),
      UsageError,
      "--tensor-split: must be numbers for each GPU, such as 3,1",
    );
  }
  assertThrows(
    () => check(["--tensor-split", "1,2", "--split-mode", "none"]),
    UsageError,
    "--tensor-split: has no effect",
  );
  assertThrows(
    () => check(["--split-mode", "tensor", "--flash-attn", "off"]),
    UsageError,
    "--flash-attn: must be auto or on",
  );
});

Deno.test("by default all layers are offloaded to the selected devices", () => {
  assertEquals(optionsFor([], ["GPU0"]).gpuLayers, -1);
  assertEquals(optionsFor([], ["GPU0"]).devices, ["GPU0"]);
  assertEquals(optionsFor(["--gpu-layers", "0"], ["GPU0"]).gpuLayers, 0);
});
