/**
 * Compiles the bundle to one executable, `dist/shimmy`.
 *
 *     deno task compile [--target TRIPLE] [--with-runtime VARIANT] [--deno PROGRAM]
 *
 * `--with-runtime` includes the libraries of a variant, so that the executable needs no network. `--deno`
 * names the Deno that compiles. Deno downloads its runtime, unless `DENORT_BIN` names a runtime of the same
 * version.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { explain } from "../src/cli/output/mod.ts";
import { earlyFlags } from "../src/own_command.ts";
import { npmPackage } from "../src/runtime/library/release.ts";
import {
  currentPlatform,
  type Platform,
  type Variant,
  VARIANTS,
} from "../src/runtime/library/variant.ts";
import { BUNDLE, bundle } from "./bundle.ts";
import { compileFailure } from "./compile_failure.ts";
import { layOutPackage } from "./libraries.ts";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));

/** The targets Deno compiles for. */
export const TARGETS: Readonly<Record<string, Platform>> = {
  "x86_64-unknown-linux-gnu": { os: "linux", arch: "x64" },
  "aarch64-unknown-linux-gnu": { os: "linux", arch: "arm64" },
  "x86_64-apple-darwin": { os: "mac", arch: "x64" },
  "aarch64-apple-darwin": { os: "mac", arch: "arm64" },
  "x86_64-pc-windows-msvc": { os: "win", arch: "x64" },
  "aarch64-pc-windows-msvc": { os: "win", arch: "arm64" },
};

/** Permissions of the executable: those of `deno task shimmy`. */
const RIGHTS = ["ffi", "read", "write", "net", "env", "sys", "run"].map((name) =>
  `--allow-${name}`
);

interface CompileOptions {
  readonly target: string | undefined;
  readonly withRuntime: Variant | undefined;
  readonly deno: string;
}

function readOptions(args: readonly string[]): CompileOptions {
  const text = { type: "string" } as const;
  const { target, deno = Deno.execPath(), "with-runtime": wanted } = parseArgs({
    args: [...args],
    options: { target: text, deno: text, "with-runtime": text },
  }).values;
  if (target !== undefined && !(target in TARGETS)) {
    fail(`--target: '${target}' is not a target; valid are ${Object.keys(TARGETS).join(", ")}`);
  }
  const withRuntime = VARIANTS.find((variant) => variant === wanted);
  if (wanted !== undefined && withRuntime === undefined) {
    fail(`--with-runtime: '${wanted}' is not a variant; valid are ${VARIANTS.join(", ")}`);
  }
  return { target, withRuntime, deno };
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

/** Writes a variant's libraries as the executable contains them. @returns the folder. */
async function layOutRuntime(platform: Platform, variant: Variant): Promise<string> {
  if (!npmPackage(platform, variant)) {
    fail(`--with-runtime: nobody publishes ${variant} for ${platform.os}-${platform.arch}`);
  }
  const runtime = join(DIST, "runtime");
  await Deno.remove(runtime, { recursive: true }).catch(() => {});
  await layOutPackage(platform, variant, join(runtime, variant));
  return runtime;
}

async function compile({ target, withRuntime, deno }: CompileOptions): Promise<void> {
  await bundle();
  const platform = target ? TARGETS[target] as Platform : currentPlatform();
  const included = withRuntime ? await layOutRuntime(platform, withRuntime) : null;
  const output = join(DIST, platform.os === "win" ? "shimmy.exe" : "shimmy");
  await runCompiler([
    "compile",
    "--quiet",
    "--no-check",
    // The bundle needs no configuration, and a Deno of another version may reject it.
    "--no-config",
    "--no-prompt",
    "--unstable-no-legacy-abort",
    // All processes of an executable have the same flags, so these are the ones for the process of a model.
    earlyFlags(await v8Version(deno)),
    ...RIGHTS,
    ...(included ? [`--include=${included}`] : []),
    ...(target ? [`--target=${target}`] : []),
    `--output=${output}`,
    BUNDLE,
  ], deno);
  const { size } = await Deno.stat(output);
  console.error(`${output}: ${Math.round(size / 1e6)} MB`);
}

/** The version of V8 in a Deno, which is that of its runtime. Empty if that Deno cannot run. */
async function v8Version(deno: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(deno, {
      args: ["eval", "--no-config", "console.log(Deno.version.v8)"],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "";
  }
}

/** Runs `deno compile`. @throws {Error} with one sentence if it fails. */
async function runCompiler(args: readonly string[], deno: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(deno, {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdout: "inherit",
    stderr: "piped",
  }).output();
  if (!success) {
    const printed = new TextDecoder().decode(stderr);
    throw new Error(compileFailure(printed, Deno.env.get("DENORT_BIN")));
  }
  await Deno.stderr.write(stderr);
}

if (import.meta.main) {
  try {
    await compile(readOptions(Deno.args));
  } catch (error) {
    console.error(explain(error, false));
    Deno.exit(1);
  }
}
