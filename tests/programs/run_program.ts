/** Tests with real programs. */
import { delimiter, dirname } from "node:path";
import { LOCK, MAIN } from "../support/source.ts";
import type { Tested } from "./programs.ts";
import { provide } from "./registry.ts";

/** Time for the job of a program. The first start of Python programs takes minutes on a busy machine. */
const JOB_MS = 600_000;

/** Output and exit status of a program. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program in a folder of its own, with a home folder in it. */
export interface Bench {
  /** The working folder. It is a Git repository, as coding agents expect. */
  readonly folder: string;
  /** Runs the program with an environment that has nothing of the user's. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Runs the program through `shimmy launch`, as {@linkcode run} does. */
  launch(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Writes a file below the home folder or, without `~/`, below the working folder. */
  write(path: string, text: string): Promise<void>;
}

const INHERITED = ["PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TERM", "LANG"];

function inherited(): Record<string, string> {
  const found = INHERITED.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(found);
}

/** The folder with Deno's packages, which a home folder of its own would hide. */
function denoFolder(): Record<string, string> {
  const { denoDir } = JSON.parse(
    new TextDecoder().decode(
      new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync().stdout,
    ),
  );
  return { DENO_DIR: denoDir };
}

async function output(program: string, options: Deno.CommandOptions): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    stdin: "null",
    signal: AbortSignal.timeout(JOB_MS),
    ...options,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function bench(program: string): Promise<Bench & { readonly root: string }> {
  const root = await Deno.makeTempDir({ prefix: "shimmy-program-" });
  const [home, folder] = [`${root}/home`, `${root}/work`];
  await Deno.mkdir(home);
  await Deno.mkdir(folder);
  await output("git", { args: ["init", "--quiet", folder] });
  const own = { HOME: home, USERPROFILE: home, NO_COLOR: "1" };
  const path = `${dirname(program)}${delimiter}${Deno.env.get("PATH") ?? ""}`;
  const start = (command: string, args: readonly string[], env: Record<string, string>) =>
    output(command, {
      args: [...args],
      cwd: folder,
      clearEnv: true,
      env: { ...inherited(), PATH: path, ...own, ...env },
    });
  return {
    root,
    folder,
    run: (args, env = {}) => start(program, args, env),
    launch: (args, env = {}) =>
      start(Deno.execPath(), ["run", "--allow-all", LOCK, MAIN, "launch", ...args], {
        ...denoFolder(),
        ...env,
      }),
    async write(path, text) {
      const full = path.startsWith("~/") ? `${home}/${path.slice(2)}` : `${folder}/${path}`;
      await Deno.mkdir(full.slice(0, full.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(full, text);
    },
  };
}

/**
 * A test with a program. It is skipped, with a sentence on stderr, where the program cannot be installed.
 * `SHIMMY_TEST_RESULTS` names a file that receives the names of the programs that passed.
 */
export function testProgram(
  tested: Tested,
  name: string,
  job: (bench: Bench) => Promise<void>,
): void {
  Deno.test({
    name: `${tested.title}: ${name}`,
    // Processes of the program may outlive it for a moment.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const installed = await provide(tested);
      if ("missing" in installed) {
        const { name, version, registry } = tested;
        console.error(
          `skipped: ${name}@${version} cannot come from ${registry}: ${installed.missing}`,
        );
        return;
      }
      const place = await bench(installed.path);
      try {
        await job(place);
      } finally {
        await Deno.remove(place.root, { recursive: true }).catch(() => {});
      }
      const results = Deno.env.get("SHIMMY_TEST_RESULTS");
      if (results) {
        await Deno.writeTextFile(results, `${tested.name}@${tested.version}\n`, { append: true });
      }
    },
  });
}
