import { ShimmyError } from "../../../errors.ts";
import {
  cacheDirectory,
  findRuntime,
  type InstalledVariant,
  installRelease,
  listInstalled,
  removeInstalled,
  type Variant,
  VARIANTS,
} from "../../../runtime/mod.ts";
import { command, type Environment, EXIT, interruptible } from "../../environment/mod.ts";
import { bytes, table } from "../../output/mod.ts";
import { flag, UsageError } from "../../options/mod.ts";
import { downloadProgress } from "../../sessions/mod.ts";

/** `runtime`: lists, installs and removes variants of libllama. */
export default command({
  operands: ["list|install|remove", "[VARIANT]"],
  notes: [
    ["list", "list the variants and which are installed"],
    ["install VARIANT", `download a variant: ${VARIANTS.join(", ")}`],
    ["remove VARIANT", "remove a downloaded variant"],
  ],
  options: {
    "archive": flag({
      help:
        "install llama.cpp's release archive, which has libmtmd and the RPC backend, in place of the npm package",
    }),
    "json": flag({ help: "print JSON" }),
  },
  run: ({ values, operands: [action, name] }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const cacheDir = cacheDirectory(environment.env);
      if (values.archive && action !== "install") {
        throw new UsageError("--archive: applies only to runtime install");
      }
      switch (action) {
        case "list": {
          if (name !== undefined) throw new UsageError(`runtime: unexpected argument '${name}'`);
          const found = await listInstalled({ cacheDir });
          await environment.output.print(
            values.json ? JSON.stringify(json(found)) : readable(found),
          );
          return EXIT.ok;
        }
        case "install":
          await install(variantOf(name), values.archive, cacheDir, environment, signal);
          return EXIT.ok;
        case "remove":
          await remove(variantOf(name), cacheDir, environment);
          return EXIT.ok;
        default:
          throw new UsageError(`runtime: must be list, install or remove, not '${action}'`);
      }
    }),
});

function variantOf(name: string | undefined): Variant {
  const variant = VARIANTS.find((one) => one === name?.toLowerCase());
  if (variant !== undefined) return variant;
  const valid = `valid are ${VARIANTS.join(", ")}`;
  throw new UsageError(
    name === undefined
      ? `runtime: VARIANT is missing; ${valid}`
      : `runtime: '${name}' is not a variant; ${valid}`,
  );
}

async function install(
  variant: Variant,
  isArchive: boolean,
  cacheDir: string,
  environment: Environment,
  signal: AbortSignal,
) {
  const { output } = environment;
  const onProgress = downloadProgress(environment, (line) => output.note(line));
  const options = { variant, cacheDir, onProgress, signal };
  const folder = isArchive
    ? await installRelease(options)
    // SHIMMY_LIBLLAMA must not replace the variant that is installed.
    : (await findRuntime({ ...options, folder: "" })).folder;
  output.progress(null);
  await output.print(folder);
}

async function remove(variant: Variant, cacheDir: string, { output }: Environment): Promise<void> {
  const removed = await removeInstalled(variant, { cacheDir });
  const left = (await listInstalled({ cacheDir })).find((one) => one.variant === variant)!;
  if (left.sources.includes("npm")) {
    output.note(`The npm package of ${variant} is still in Deno's cache`);
  }
  if (left.sources.includes("embedded")) output.note(`${variant} is part of this executable`);
  if (removed) return output.note(`Removed ${variant}`);
  if (left.sources.length > 0) return;
  throw new ShimmyError("not_found", `runtime: ${variant} is not installed`);
}

/** The report for `--json`. Sizes are in bytes. */
function json(found: readonly InstalledVariant[]) {
  return found.map(({ variant, sources, folder, published, downloadBytes }) => ({
    variant,
    installed: sources.length > 0,
    sources,
    folder,
    published,
    download_bytes: downloadBytes,
  }));
}

function readable(found: readonly InstalledVariant[]): string {
  return table([
    ["VARIANT", "STATE"],
    ...found.map(({ variant, sources, published, downloadBytes }) => [
      variant,
      sources.length > 0
        ? `installed (${sources.join(", ")})`
        : published
        ? `not installed${downloadBytes === null ? "" : `, ${bytes(downloadBytes)} to download`}`
        : "not published for this platform",
    ]),
  ]);
}
