/** Instruction sets that matter to ggml, best first, as named by Linux. */
const SETS = [
  ["amx_int8", "AMX"],
  ["avx512_vnni", "AVX-512 VNNI"],
  ["avx512f", "AVX-512"],
  ["avx_vnni", "AVX-VNNI"],
  ["avx2", "AVX2"],
  ["i8mm", "I8MM"],
  ["asimddp", "dot product"],
] as const;

/** Describes the machine by its cores and its best instruction set. */
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
 * Text of a file in Linux's `/proc`; empty if it cannot be read. Uses `cat`, because Deno reads
 * these files only with all permissions.
 */
export async function systemFile(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [path], stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
