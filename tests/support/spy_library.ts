/** A libllama that records load calls and forwards them to the real library. */
import { basename, join } from "node:path";
import { LlamaModelParams } from "../../ffi/generated/structs.ts";
import { locateLibrary } from "../../ffi/library/locate.ts";
import { hasCompiler } from "../../ffi/testing.ts";

/** A call of `llama_model_load_from_file`. */
export interface LoadCall {
  readonly path: string;
  /** The parameters as received by the library. */
  readonly params: InstanceType<typeof LlamaModelParams>;
  /** Device names; null if libllama was left to choose. */
  readonly devices: readonly string[] | null;
  /** The first two proportions; null without proportions. */
  readonly split: readonly number[] | null;
  /** `pattern=buffer`, in order. */
  readonly overrides: readonly string[];
}

/** Reason why the spy cannot be built here, or null. */
export async function spyProblem(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "it requires Linux";
  return await hasCompiler() ? null : "it requires a C compiler";
}

/** Field offsets are passed by the compiler flags, so that they are those of the bindings. */
const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct { uint64_t words[SIZE / 8]; } params;
typedef struct { const char * pattern; void * buffer; } placed;
typedef const char * (*name_of)(void *);

static void * at(params * p, int offset) { return *(void **) ((char *) p + offset); }

void * llama_model_load_from_file(const char * path, params p) {
  FILE * file = fopen(getenv("SHIMMY_TEST_CALLS"), "a");
  fprintf(file, "%s\\t", path);
  for (int i = 0; i < SIZE; i++) fprintf(file, "%02x", ((unsigned char *) &p)[i]);
  fprintf(file, "\\t");
  void ** devices = at(&p, DEVICES);
  if (devices == NULL) fprintf(file, "any");
  else for (; *devices; devices++) {
    fprintf(file, "%s ", ((name_of) dlsym(RTLD_NEXT, "ggml_backend_dev_name"))(*devices));
  }
  fprintf(file, "\\t");
  float * split = at(&p, SPLIT);
  if (split != NULL) fprintf(file, "%g %g", split[0], split[1]);
  fprintf(file, "\\t");
  placed * overrides = at(&p, OVERRIDES);
  for (; overrides != NULL && overrides->pattern; overrides++) {
    name_of name = (name_of) dlsym(RTLD_NEXT, "ggml_backend_buft_name");
    fprintf(file, "%s=%s ", overrides->pattern, name(overrides->buffer));
  }
  fprintf(file, "\\n");
  fclose(file);
  void * (*load)(const char *, params) = dlsym(RTLD_NEXT, "llama_model_load_from_file");
  return load(path, p);
}
`;

/** A folder of libraries with a spy in front of the real libllama. */
export class SpyLibrary implements AsyncDisposable {
  readonly #calls: string;

  private constructor(readonly folder: string) {
    this.#calls = join(folder, "calls");
  }

  /** @param real the folder of the real libraries */
  static async make(real: string): Promise<SpyLibrary> {
    const folder = await Deno.makeTempDir({ prefix: "shimmy-spy-" });
    const llama = basename(locateLibrary(real, Deno.build.os).llama);
    for await (const { name, isDirectory } of Deno.readDir(real)) {
      if (!isDirectory && name !== llama) await Deno.symlink(join(real, name), join(folder, name));
    }
    const { FIELDS, SIZE } = LlamaModelParams;
    const defines = {
      SIZE,
      DEVICES: FIELDS.devices.offset,
      OVERRIDES: FIELDS.tensor_buft_overrides.offset,
      SPLIT: FIELDS.tensor_split.offset,
    };
    await Deno.writeTextFile(join(folder, "empty.c"), "");
    await Deno.writeTextFile(join(folder, "spy.c"), SOURCE);
    // The real library is linked under another name in the same folder.
    await compile(folder, ["-o", "libreal.so", "empty.c", "-Wl,-soname,libreal.so"]);
    await compile(folder, [
      ...Object.entries(defines).map(([name, value]) => `-D${name}=${value}`),
      "-o",
      llama,
      "spy.c",
      "-Wl,--no-as-needed,-rpath,$ORIGIN",
      "-L.",
      "-lreal",
      "-ldl",
    ]);
    await Deno.remove(join(folder, "libreal.so"));
    await Deno.symlink(join(real, llama), join(folder, "libreal.so"));
    return new SpyLibrary(folder);
  }

  /** Environment that makes a program use the spy. */
  get env(): Record<string, string> {
    return { SHIMMY_LIBLLAMA: this.folder, SHIMMY_TEST_CALLS: this.#calls };
  }

  /** Returns and clears the recorded calls. */
  async calls(): Promise<LoadCall[]> {
    const text = await Deno.readTextFile(this.#calls).catch(() => "");
    await Deno.remove(this.#calls).catch(() => {});
    return text.split("\n").filter((line) => line !== "").map((line) => {
      const [path, hex, devices, split, overrides] = line.split("\t") as string[];
      const words = (text: string) => text.split(" ").filter((word) => word !== "");
      return {
        path: path!,
        params: new LlamaModelParams(
          Uint8Array.from(hex!.match(/../g)!, (byte) => parseInt(byte, 16)),
        ),
        devices: devices === "any" ? null : words(devices!),
        split: split === "" ? null : words(split!).map(Number),
        overrides: words(overrides!),
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function compile(folder: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-shared", "-fPIC", ...args],
    cwd: folder,
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
