import { assertEquals } from "@std/assert";
import { loadBackends } from "./backends.ts";
import { cpuFeatures } from "./cpu_features.ts";
import { openLibrary } from "../library/library.ts";
import { printLogs, silenceLogs } from "./logs.ts";
import { readSystemFile } from "../memory/system_file.ts";
import { realLibraryFolder } from "../testing.ts";

const real = await realLibraryFolder();

Deno.test(
  "features of the CPU backend are those of the processor",
  { ignore: real === null },
  () => {
    using library = openLibrary(real!);
    silenceLogs(library);
    loadBackends(library);
    printLogs(library);
    const features = cpuFeatures(library);
    for (const [name, value] of features) assertEquals([/^\w+$/.test(name), value], [true, "1"]);
    const flags = /^flags\s*:(.*)$/m.exec(readSystemFile("/proc/cpuinfo") ?? "")?.[1]?.split(" ");
    if (flags === undefined || Deno.build.arch !== "x86_64") return;
    for (
      const [feature, flag] of [["AVX2", "avx2"], ["AVX512", "avx512f"], ["AMX_INT8", "amx_int8"]]
    ) {
      assertEquals(features.has(feature!), flags.includes(flag!), feature);
    }
  },
);
