/**
 * Compares the committed bindings with the pinned headers: `deno task ffi:check`.
 *
 * A C program compiled against the headers tells size and offset of every field of every struct and
 * the value of every enum member and constant; and generating again must give the same files.
 * `--headers DIR` or `SHIMMY_LLAMA_SOURCE` names a checkout; without one, the source comes from npm.
 */
import { join } from "node:path";
import { llamaLicence } from "../licences.ts";
import { bindingFacts, cProgram, disagreements } from "./facts.ts";
import { generate, GENERATED } from "./generate.ts";
import { INCLUDED } from "./selection.ts";
import { type LlamaSource, SourceError, withLlamaSource } from "./source.ts";

/** Differences, one line each, and a summary. */
async function check(source: LlamaSource): Promise<{ differences: string[]; summary: string }> {
  const { facts, structs, fields, constants } = bindingFacts();
  const output = await compileAndRun(cProgram(facts, INCLUDED), source);
  const stale = [...generate(source)]
    .filter(([name, text]) => Deno.readTextFileSync(join(GENERATED, name)) !== text)
    .map(([name]) => `ffi/generated/${name}: is not what ffi:generate writes`);
  const licence = llamaLicence(Deno.readTextFileSync(new URL("../../LICENSE", import.meta.url)));
  if (licence !== Deno.readTextFileSync(join(source.folder, "LICENSE"))) {
    stale.push("scripts/licences.ts: does not make llama.cpp's LICENSE");
  }
  return {
    differences: [...disagreements(facts, output), ...stale],
    summary: `${structs} structs, ${fields} fields, ${constants} constants agree`,
  };
}

async function compileAndRun(program: string, source: LlamaSource): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-ffi-check-" });
  try {
    const file = join(folder, "check.c");
    const executable = join(folder, Deno.build.os === "windows" ? "check.exe" : "check");
    await Deno.writeTextFile(file, program);
    const includes = source.includes.map((include) => `-I${include}`);
    await run("cc", ["-std=c11", "-o", executable, ...includes, file]);
    return await run(executable, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(program: string, args: string[]): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new SourceError(`Cannot check the bindings: ${program} is not installed`, { cause });
  }
  if (!output.success) {
    throw new SourceError(`Cannot check the bindings: ${program} ended with ${output.code}`);
  }
  return new TextDecoder().decode(output.stdout);
}

if (import.meta.main) {
  try {
    const { differences, summary } = await withLlamaSource(Deno.args, check);
    console.log(differences.length ? differences.join("\n") : summary);
    Deno.exit(differences.length ? 1 : 0);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
