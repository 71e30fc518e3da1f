/** Instruction sets that make a difference to ggml, the strongest first, as Linux names them. */
const SETS = [
  ["amx_int8", "AMX"],
  ["avx512_vnni", "AVX-512 VNNI"],
  ["avx512f", "AVX-512"],
  ["avx_vnni", "AVX-VNNI"],
  ["avx2", "AVX2"],
  ["i8mm", "I8MM"],
  ["asimddp", "dot product"],
] as const;

/** The machine by its cores and its strongest instruction set. */
export async function machine(): Promise<string> {
  const cores = `${navigator.hardwareConcurrency} cores, ${Deno.build.arch}`;
  const flags = await cpuFlags();
  const found = SETS.find(([flag]) => flags.has(flag));
  return found === undefined ? cores : `${cores} with ${found[1]}`;
}

async function cpuFlags(): Promise<ReadonlySet<string>> {
  if (Deno.build.os !== "linux") return new Set();
  const info = await systemFile("/proc/cpuinfo");
  return new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(/\s+/) ?? []);
}

/**
 * A file of Linux's `/proc`, empty if it cannot be read. Deno itself reads there only when it may do
 * everything.
 */
export async function systemFile(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [path], stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
