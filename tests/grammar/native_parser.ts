/**
 * Reads a JSON list of grammars from standard input and writes, as a JSON list, whether llama.cpp
 * accepts each of them. It is a separate process because llama.cpp prints its errors to standard
 * error.
 */
import { grammarSampler, loadBackends, Model, openLibrary, silenceLogs } from "../../ffi/mod.ts";
import { realLibraryFolder } from "../../ffi/testing.ts";
import { TINY } from "../support/engine.ts";

const grammars: string[] = await new Response(Deno.stdin.readable).json();
using library = openLibrary((await realLibraryFolder())!);
silenceLogs(library);
loadBackends(library);
using model = Model.load(library, { paths: [TINY], gpuLayers: 0, devices: [], vocabOnly: true });
const taken = grammars.map((source) => {
  using sampler = grammarSampler(library, model.vocab, source, "root") ?? undefined;
  return sampler !== undefined;
});
console.log(JSON.stringify(taken));
