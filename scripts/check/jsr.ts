/**
 * Checks that `@std` can come from JSR by a change of the import maps alone, and ends with status 1
 * where it cannot:
 *
 * - every `@std/...` import has an entry of its own name in an import map,
 * - the name of each entry is that of a JSR export, and its npm file is the module of that export,
 * - the import maps agree with each other,
 * - `deno publish --dry-run` accepts the repository with the entries changed to JSR. Where JSR cannot be
 *   reached, the reason is printed and this step is skipped.
 *
 *     deno task check:jsr
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = ["main.ts", "src", "ffi", "scripts", "tests"];

/** Import maps by file name: the configurations, and the map that one of them may name. */
const MAPS = /^(deno(\.\w+)?|import_map)\.json$/;

/** `@std/<package>` or `@std/<package>/<export>`, both in the spelling of JSR. */
const NAME = /^@std\/([a-z][a-z\d-]*)(?:\/([a-z][a-z\d-]*))?$/;

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)["'](@std\/[^"']+)["']/g;

/** The entries of an import map that concern `@std`. */
export type StdEntries = Readonly<Record<string, string>>;

/** The specifier of an entry at JSR, or null for a name that JSR cannot have. */
export function jsrTarget(name: string): string | null {
  const [, library, part] = NAME.exec(name) ?? [];
  if (library === undefined) return null;
  return `jsr:@std/${library}@^1${part === undefined ? "" : `/${part}`}`;
}

/** The names of `@std` that a module imports. */
export function stdImports(source: string): string[] {
  return [...source.matchAll(IMPORT)].map(([, name]) => name!);
}

/** The problem of an entry, or null. The npm package has JSR's files under the same names. */
function entryProblem(name: string, target: string): string | null {
  const jsr = jsrTarget(name);
  if (jsr === null) return `${name} is not the name of a JSR export`;
  if (target === jsr) return null;
  const [, library, part] = NAME.exec(name)!;
  const file = `${library!.replaceAll("-", "_")}/${(part ?? "mod").replaceAll("-", "_")}.js`;
  return new RegExp(`^npm:deno-std@[\\d.]+/${RegExp.escape(file)}$`).test(target)
    ? null
    : `${name} maps to ${target}: must be ${jsr}, or ${file} of deno-std`;
}

/** Problems of import maps and of the imports that use them, one sentence each. */
export function findProblems(
  maps: ReadonlyMap<string, StdEntries>,
  imports: ReadonlyMap<string, readonly string[]>,
): string[] {
  const problems: string[] = [];
  const targets = new Map<string, string>();
  for (const [file, entries] of maps) {
    for (const [name, target] of Object.entries(entries)) {
      const problem = entryProblem(name, target);
      if (problem !== null) problems.push(`${file}: ${problem}`);
      const known = targets.get(name);
      if (known !== undefined && known !== target) {
        problems.push(`${file}: ${name} maps to ${target}, and to ${known} in another import map`);
      }
      targets.set(name, target);
    }
  }
  for (const [file, names] of imports) {
    for (const name of names) {
      if (!targets.has(name)) problems.push(`${file}: ${name} has no entry in an import map`);
    }
  }
  return problems;
}

function* sourceFiles(path: string): Generator<string> {
  if (Deno.statSync(join(ROOT, path)).isFile) return yield path;
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, path))) {
    if (isDirectory) yield* sourceFiles(`${path}/${name}`);
    else if (name.endsWith(".ts")) yield `${path}/${name}`;
  }
}

function readMaps(): Map<string, StdEntries> {
  const maps = new Map<string, StdEntries>();
  for (const { name } of Deno.readDirSync(ROOT)) {
    if (!MAPS.test(name)) continue;
    const { imports = {} } = JSON.parse(Deno.readTextFileSync(join(ROOT, name)));
    const entries = Object.entries<string>(imports).filter(([key]) => key.startsWith("@std/"));
    if (entries.length > 0) maps.set(name, Object.fromEntries(entries));
  }
  return maps;
}

async function output(command: string, args: readonly string[], cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Why JSR cannot be used, or null when it can. */
async function unreachable(folder: string): Promise<string | null> {
  const probe = "jsr:@std/http@^1/status";
  const { code, stderr } = await output(
    Deno.execPath(),
    ["cache", "--no-lock", "--no-config", probe],
    folder,
  );
  if (code === 0) return null;
  return /^error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim();
}

/** A copy of the tracked files whose import maps name JSR. */
async function copyWithJsr(folder: string, maps: ReadonlyMap<string, StdEntries>): Promise<void> {
  const { stdout } = await output("git", ["ls-files", "-z"], ROOT);
  for (const path of stdout.split("\0").filter((name) => name !== "")) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(folder, path));
  }
  for (const [file, entries] of maps) {
    const path = join(folder, file);
    const config = JSON.parse(await Deno.readTextFile(path));
    for (const name of Object.keys(entries)) config.imports[name] = jsrTarget(name);
    await Deno.writeTextFile(path, JSON.stringify(config));
  }
}

/** The import maps of the repository, and what each of its modules imports from `@std`. */
export function readRepository() {
  const imports = new Map(
    SOURCES.flatMap((path) => [...sourceFiles(path)])
      .map((path) => [path, stdImports(Deno.readTextFileSync(join(ROOT, path)))] as const),
  );
  return { maps: readMaps(), imports };
}

async function main(): Promise<number> {
  const { maps, imports } = readRepository();
  const problems = findProblems(maps, imports);
  for (const problem of problems) console.error(problem);
  const names = new Set([...imports.values()].flat());
  console.log(`${names.size} names of @std imported: ${problems.length} problems`);
  if (problems.length > 0) return 1;
  const folder = await Deno.makeTempDir({ prefix: "shimmy-jsr-" });
  try {
    const reason = await unreachable(folder);
    if (reason !== null) {
      console.log(`deno publish --dry-run skipped, JSR cannot be reached: ${reason}`);
      return 0;
    }
    await copyWithJsr(folder, maps);
    const { code, stderr } = await output(
      Deno.execPath(),
      ["publish", "--dry-run", "--allow-dirty", "--no-check"],
      folder,
    );
    console.log(code === 0 ? "deno publish --dry-run accepts the package" : stderr);
    return code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main());
