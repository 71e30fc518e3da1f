import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadBackends } from "./backends.ts";
import { LlamaModelParams } from "../generated/structs.ts";
import { type Library, openLibrary } from "../library/library.ts";
import { captureLogs, silenceLogs } from "./logs.ts";
import { cString } from "../memory/memory.ts";
import { realLibraryFolder, withFolder } from "../testing.ts";

const real = await realLibraryFolder();
const withLibrary = { ignore: real === null };

function load(library: Library, path: string): Deno.PointerValue {
  const params = new LlamaModelParams(library.llama.llama_model_default_params());
  return library.llama.llama_model_load_from_file(cString(path), params.bytes);
}

function logger(library: Library): bigint {
  const log = new BigUint64Array(1);
  library.ggml.ggml_log_get(log, new BigUint64Array(1));
  return log[0]!;
}

Deno.test(
  "the reason for a failed load is captured, and the logger restored",
  withLibrary,
  async () => {
    await withFolder((folder) => {
      const path = join(folder, "broken.gguf");
      Deno.writeTextFileSync(path, "this is not a GGUF file at all");
      using library = openLibrary(real!);
      silenceLogs(library);
      loadBackends(library);
      const silent = logger(library);
      const { value, lines } = captureLogs(library, () => load(library, path));
      assertEquals(value, null);
      assert(lines.some((line) => line.level === "error" && line.text.includes("magic")));
      assert(lines.every((line) => !line.text.includes("\n")));
      assertEquals(logger(library), silent);
      assertEquals(load(library, path), null);
    });
  },
);

Deno.test("the logger is restored when the work throws", withLibrary, () => {
  using library = openLibrary(real!);
  silenceLogs(library);
  const silent = logger(library);
  assertThrows(() =>
    captureLogs(library, () => {
      throw new RangeError("work");
    }), RangeError);
  assertEquals(logger(library), silent);
});

/** Stderr of a process that opens the library and fails to load a model. */
async function stderrOf(setLogger: "silenceLogs" | "printLogs"): Promise<string> {
  const url = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    import { openLibrary } from ${url("../library/library.ts")};
    import { ${setLogger} } from ${url("./logs.ts")};
    import { loadBackends } from ${url("./backends.ts")};
    import { cString } from ${url("../memory/memory.ts")};
    using library = openLibrary(${JSON.stringify(real)});
    ${setLogger}(library);
    loadBackends(library);
    const { llama } = library;
    llama.llama_model_load_from_file(cString("absent.gguf"), llama.llama_model_default_params());
  `;
  let text = "";
  await withFolder(async (folder) => {
    const file = join(folder, "program.ts");
    await Deno.writeTextFile(file, program);
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--config",
        config,
        "--allow-ffi",
        "--allow-read",
        file,
      ],
    }).output();
    text = new TextDecoder().decode(stderr);
    assert(success, text);
  });
  return text;
}

Deno.test("native code prints nothing when logs are disabled", withLibrary, async () => {
  assertEquals(await stderrOf("silenceLogs"), "");
  assertNotEquals(await stderrOf("printLogs"), "");
});
