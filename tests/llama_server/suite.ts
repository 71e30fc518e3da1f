/** Runs llama.cpp's tests of its server, from the pinned source, against Shimmy. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SOURCE_PACKAGE, withLlamaSource } from "../../scripts/ffi/source.ts";
import { programsFolder, SCRIPTS } from "../programs/registry.ts";
import { BUILTIN_NAME } from "../../src/models/discovery/builtin.ts";
import { provideModel, SMOLLM2 } from "../real/real_models.ts";
import { failureOf, PYTHON } from "../support/packages.ts";
import { CHAT_MODEL, DOWNLOADS } from "./models.ts";
import { freePort } from "../../scripts/free_port.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The outcome of one test. */
export interface TestOutcome {
  /** Such as `unit/test_basic.py::test_server_props`. */
  readonly id: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What differed on purpose and was adapted, such as `text` or `token counts`. */
  readonly differences: readonly string[];
  /** The assertion that failed, or the reason of a skip. */
  readonly failure: string;
}

/** What the suite needs is not there. */
export class SuiteUnavailable extends Error {}

/**
 * Runs the suite, or some of its files.
 *
 * @param selection arguments of pytest that select tests.
 * @param onTest called for each test when it has ended.
 * @param chatModel path of the model that stands for those which follow instructions; null: there is none.
 * @throws {SuiteUnavailable} when the source or the Python packages cannot be fetched.
 */
export async function runSuite(
  selection: readonly string[],
  onTest: (outcome: TestOutcome) => void,
  chatModel: string | null = null,
): Promise<TestOutcome[]> {
  return await withSuite((scripts, tests) => {
    return pytest(scripts, tests, { selection, onTest, chatModel });
  });
}

/**
 * The model that stands for those which follow instructions.
 * @throws {SuiteUnavailable} when it cannot be fetched.
 */
export async function chatModel(): Promise<string> {
  const provided = await provideModel(SMOLLM2);
  if ("missing" in provided) throw new SuiteUnavailable(provided.missing);
  return provided.path;
}

/**
 * The ids of the tests of a selection, without running them.
 * @throws {SuiteUnavailable} when the source or the Python packages cannot be fetched.
 */
export async function listTests(selection: readonly string[]): Promise<string[]> {
  return await withSuite(async (scripts, tests) => {
    const { stdout } = await new Deno.Command(join(scripts, "pytest"), {
      args: ["--collect-only", "--quiet", "-p", "no:cacheprovider", ...selection],
      cwd: tests,
      env: { PYTHONDONTWRITEBYTECODE: "1" },
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes("::"));
  });
}

async function withSuite<T>(use: (scripts: string, tests: string) => Promise<T>): Promise<T> {
  try {
    return await withLlamaSource([], async ({ folder }) => {
      const tests = join(folder, "tools", "server", "tests");
      return await use(await environment(join(tests, "requirements.txt")), tests);
    });
  } catch (error) {
    if (error instanceof Error && error.name === "SourceError") {
      throw new SuiteUnavailable(error.message);
    }
    throw error;
  }
}

/** A virtual environment with the packages of the suite; its folder of executables. */
async function environment(requirements: string): Promise<string> {
  const folder = join(programsFolder(), "llama-server", SOURCE_PACKAGE);
  const scripts = join(folder, SCRIPTS);
  const complete = join(folder, "complete");
  if (await Deno.stat(complete).then(() => true, () => false)) return scripts;
  const failure = await failureOf(PYTHON, ["-m", "venv", folder]) ??
    await failureOf(join(scripts, "pip"), [
      ...["install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"],
      ...["-r", requirements],
    ]);
  if (failure !== null) throw new SuiteUnavailable(failure);
  await Deno.writeTextFile(complete, "");
  return scripts;
}

/** A script that starts the launcher, because the suite starts a single file. */
async function launcherScript(folder: string): Promise<string> {
  const path = join(folder, "llama-server");
  const config = here("../../deno.test.json");
  const command = [Deno.execPath(), "run", "--quiet", `--config=${config}`, "--allow-all"]
    .map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${command} '${here("launcher.ts")}' "$@"\n`);
  await Deno.chmod(path, 0o755);
  return path;
}

async function pytest(
  scripts: string,
  tests: string,
  { selection, onTest, chatModel }: {
    readonly selection: readonly string[];
    readonly onTest: (outcome: TestOutcome) => void;
    readonly chatModel: string | null;
  },
): Promise<TestOutcome[]> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-suite-" });
  try {
    const report = join(folder, "report.jsonl");
    await Deno.writeTextFile(report, "");
    const child = new Deno.Command(join(scripts, "pytest"), {
      args: ["-p", "plugin", "--quiet", "--no-header", "-p", "no:cacheprovider", ...selection],
      cwd: tests,
      env: {
        PYTHONPATH: here("."),
        PYTHONDONTWRITEBYTECODE: "1",
        LLAMA_SERVER_BIN_PATH: await launcherScript(folder),
        PORT: String(freePort()),
        // Servers have a home folder of their own.
        DENO_DIR: await denoFolder(),
        SHIMMY_SUITE_REPORT: report,
        ...(chatModel === null ? {} : { [CHAT_MODEL]: chatModel }),
        SHIMMY_SUITE_BUILT_IN_MODEL: BUILTIN_NAME,
        SHIMMY_SUITE_DOWNLOADS: JSON.stringify(DOWNLOADS),
      },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const outcomes: TestOutcome[] = [];
    const read = async () => {
      const lines = (await Deno.readTextFile(report)).split("\n").slice(0, -1);
      for (const line of lines.slice(outcomes.length)) {
        const outcome = JSON.parse(line) as TestOutcome;
        outcomes.push(outcome);
        onTest(outcome);
      }
    };
    let hasEnded = false;
    const ended = child.status.then(() => hasEnded = true);
    while (!hasEnded) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500))]);
      await read();
    }
    return outcomes;
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** The folder of Deno's packages. */
async function denoFolder(): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" });
  return JSON.parse(new TextDecoder().decode((await command.output()).stdout)).denoDir;
}
