/**
 * Tests a server against its OpenAPI document with Schemathesis, a program that generates requests
 * from the document and checks the responses.
 *
 *     deno task test:openapi [--examples N] [--seed N]
 *
 * Schemathesis is taken from the PATH, or installed from PyPI into a virtual environment in a temporary
 * folder. Without Python or PyPI the test is skipped with the reason.
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";

/** The release of Schemathesis that is installed. */
const SCHEMATHESIS = "schemathesis>=4,<5";
/**
 * Checks of responses. The checks of requests do not apply: lenient dialects accept what the document
 * does not list, and some rules about several fields have no schema.
 */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
];
/**
 * Routes that need the network, never end, always answer 501, or make other requests fail by their
 * purpose.
 */
const EXCLUDED = [
  ...["/api", "/ollama/api"].flatMap((prefix) => [`${prefix}/pull`, `${prefix}/push`]),
  "/api/models/{name}/unload",
  "/api/events",
  // The built-in model has no tokens for infill.
  "/infill",
  "/props",
];
const SECONDS = 120;

async function run(program: string, args: readonly string[]): Promise<Deno.CommandOutput | null> {
  try {
    return await new Deno.Command(program, { args: [...args] }).output();
  } catch {
    return null;
  }
}

/** The program, or the reason why there is none. */
async function findProgram(folder: string): Promise<{ program: string } | { reason: string }> {
  for (const program of ["schemathesis", "st"]) {
    if ((await run(program, ["--version"]))?.success) return { program };
  }
  const environment = join(folder, "python");
  if (!(await run("python3", ["-m", "venv", environment]))?.success) {
    return { reason: "Python with venv is not installed" };
  }
  const pip = join(environment, "bin", "pip");
  const installed = await run(pip, ["install", "--quiet", SCHEMATHESIS]);
  if (!installed?.success) return { reason: "PyPI has no Schemathesis for this machine" };
  return { program: join(environment, "bin", "schemathesis") };
}

/** Starts a server with a home of its own. */
async function serve(folder: string): Promise<{ child: Deno.ChildProcess; address: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--lock=deno.lock", "-A", "main.ts", "serve", "--port", "0"],
    env: { HOME: folder, DENO_DIR: Deno.env.get("DENO_DIR") ?? defaultDenoFolder() },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The server did not start");
    text += value;
  }
  return { child, address: text.trim() };
}

function defaultDenoFolder(): string {
  return join(Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "", ".cache"), "deno");
}

const { examples = "5", seed = "1" } = parseArgs(Deno.args, { string: ["examples", "seed"] }) as {
  examples?: string;
  seed?: string;
};
const folder = await Deno.makeTempDir();
const found = await findProgram(folder);
if ("reason" in found) {
  console.log(`Skipped: ${found.reason}`);
} else {
  const { child, address } = await serve(folder);
  const { code } = await new Deno.Command(found.program, {
    args: [
      ...["run", `http://${address}/openapi.json`],
      ...["--phases", "examples,fuzzing", "--max-examples", examples, "--seed", seed],
      ...["--workers", "1", "--request-timeout", "30", "--max-time", String(SECONDS)],
      ...["--checks", CHECKS.join(",")],
      ...["--warnings", "off", "--no-shrink", "--output-truncate", "true"],
      ...EXCLUDED.flatMap((path) => ["--exclude-path", path]),
    ],
    cwd: folder,
  }).spawn().status;
  child.kill("SIGTERM");
  await child.status;
  Deno.exitCode = code;
}
await Deno.remove(folder, { recursive: true });
