/**
 * Checks the imports of the source against `architecture.ts`, and ends with status 1 where one
 *
 * - is part of a cycle,
 * - goes to a room of a higher layer, or to another room of the same layer,
 * - passes a room's door: a folder with a `mod.ts` is entered by that module. A dynamic import may name
 *   any module of a room, because the door would load all of the room.
 *
 * It also checks that no folder of the source and of `scripts/` holds too many files, and that every room
 * and door of `architecture.ts` exists. Tests may import any module.
 *
 *     deno task check:layers
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DOORS, LAYERS, MOST_FILES } from "./architecture.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** An import of one module by another; paths are relative to the repository, with `/`. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isDynamic: boolean;
}

/** The used part of `deno info --json`. */
interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** The room and the layer of a module, or null for one that no room lists. */
function place(path: string): { readonly room: string; readonly layer: number } | null {
  let found: { room: string; layer: number } | null = null;
  LAYERS.forEach((rooms, layer) => {
    for (const room of rooms) {
      const holds = path === room || path.startsWith(`${room}/`);
      if (holds && room.length > (found?.room.length ?? -1)) found = { room, layer };
    }
  });
  return found;
}

/** The folders with a door that hold `to` and not `from`, the innermost first. */
function passed({ from, to }: Import, doors: ReadonlySet<string>): string[] {
  const folders: string[] = [];
  for (let folder = dirname(to); folder !== "."; folder = dirname(folder)) {
    if (doors.has(`${folder}/mod.ts`) && !from.startsWith(`${folder}/`)) folders.push(folder);
  }
  return folders;
}

/** The problems of imports, one sentence each. `files` are all modules of the source. */
export function findProblems(imports: readonly Import[], files: readonly string[]): string[] {
  const problems: string[] = [];
  const doors = new Set(files.filter((file) => file.endsWith("/mod.ts")));
  for (const file of files) {
    if (place(file) === null) problems.push(`${file} belongs to no room of architecture.ts`);
  }
  for (const edge of imports) {
    const from = place(edge.from);
    const to = place(edge.to);
    if (from === null || to === null) continue;
    const text = `${edge.from} imports ${edge.to}`;
    if (to.layer > from.layer) problems.push(`${text}, of a higher layer`);
    else if (to.layer === from.layer && to.room !== from.room) {
      problems.push(`${text}, of another room of the same layer`);
    }
    const outermost = passed(edge, doors).at(-1);
    if (
      !edge.isDynamic && outermost !== undefined && edge.to !== `${outermost}/mod.ts` &&
      !DOORS.has(edge.to)
    ) problems.push(`${text}: its door is ${outermost}/mod.ts`);
  }
  const cycles = findCycles(imports.filter(({ isDynamic }) => !isDynamic));
  for (const cycle of cycles) problems.push(`Import cycle: ${cycle.join(", ")}`);
  return problems;
}

/** Folders that hold too many of these files, one sentence each. */
export function findCrowded(files: readonly string[]): string[] {
  return [...Map.groupBy(files, dirname)]
    .filter(([, { length }]) => length > MOST_FILES)
    .map(([folder, { length }]) =>
      `${folder} holds ${length} files; at most ${MOST_FILES} are allowed`
    );
}

/** Strongly connected components of more than one module. R. Tarjan, SIAM J. Comput. 1 (1972). */
export function findCycles(imports: readonly Import[]): string[][] {
  const targets = Map.groupBy(imports, ({ from }) => from);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (module: string) => {
    index.set(module, index.size);
    low.set(module, index.get(module)!);
    stack.push(module);
    for (const { to } of targets.get(module) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(module, Math.min(low.get(module)!, low.get(to)!));
    }
    if (low.get(module) !== index.get(module)) return;
    const component = stack.splice(stack.indexOf(module));
    if (component.length > 1) cycles.push(component.sort());
  };
  for (const module of targets.keys()) if (!index.has(module)) visit(module);
  return cycles;
}

/** Entries of `architecture.ts` that name no module and no folder of modules. */
export function findUnused(names: Iterable<string>, files: readonly string[]): string[] {
  const isUsed = (name: string) =>
    files.some((file) => file === name || file.startsWith(`${name}/`));
  return [...names].filter((name) => !isUsed(name))
    .map((name) => `architecture.ts names ${name}, which does not exist`);
}

/** All modules of some folders, except tests. */
function modulesOf(...folders: readonly string[]): string[] {
  const files: string[] = [];
  const walk = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
      const path = `${folder}/${name}`;
      if (isDirectory) walk(path);
      else if (/\.tsx?$/.test(name) && !/_test\.tsx?$/.test(name)) files.push(path);
    }
  };
  folders.forEach(walk);
  return files.sort();
}

/** The imports among files, as Deno resolves them. */
async function readImports(files: readonly string[]): Promise<Import[]> {
  const root = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((file) => `import "${pathToFileURL(join(ROOT, file)).href}";`);
    await Deno.writeTextFile(root, lines.join("\n"));
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", join(ROOT, "deno.test.json"), root],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as ModuleGraph;
    const known = new Set(files);
    const pathOf = (specifier: string | undefined) =>
      specifier?.startsWith("file:")
        ? relative(ROOT, fileURLToPath(specifier)).replaceAll("\\", "/")
        : null;
    return modules.flatMap(({ specifier, dependencies = [] }) => {
      const from = pathOf(specifier);
      if (from === null || !known.has(from)) return [];
      return dependencies.flatMap(({ code, type, isDynamic = false }) => {
        const to = pathOf(code?.specifier ?? type?.specifier);
        return to !== null && known.has(to) ? [{ from, to, isDynamic }] : [];
      });
    });
  } finally {
    await Deno.remove(root);
  }
}

if (import.meta.main) {
  const files = ["main.ts", ...modulesOf("ffi", "src")];
  const imports = await readImports(files);
  const names = [...LAYERS.flat(), ...DOORS];
  const problems = [
    ...findProblems(imports, files),
    ...findCrowded([...files, ...modulesOf("scripts")]),
    ...findUnused(names, files),
  ];
  for (const problem of problems) console.error(problem);
  console.error(
    `${files.length} modules, ${imports.length} imports, ${LAYERS.length} layers: ` +
      `${problems.length} problems`,
  );
  Deno.exit(problems.length === 0 ? 0 : 1);
}
