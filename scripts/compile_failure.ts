/**
 * Explains in one sentence why `deno compile` failed.
 *
 * @param stderr output of Deno on stderr
 * @param chosen value of `DENORT_BIN`, if it is set
 */
export function compileFailure(stderr: string, chosen: string | undefined): string {
  const runtime = /\/(denort-[\w.-]+)\.zip/.exec(stderr)?.[1];
  if (runtime !== undefined) {
    return `Cannot fetch ${runtime}, the runtime that Deno puts into an executable ` +
      `(${
        causesIn(stderr).at(-1) ?? "no reason is known"
      }): set DENORT_BIN to the path of a denort ` +
      "for the target, of the same version as Deno";
  }
  if (chosen !== undefined && stderr.includes(`'${chosen}'`)) {
    return `DENORT_BIN: cannot use '${chosen}' (${
      causesIn(stderr).at(-1) ?? "no reason is known"
    })`;
  }
  const [first = ""] = stderr.split("\n");
  const reasons = [first.replace(/^error: /, ""), ...causesIn(stderr)].filter(Boolean);
  return `Cannot compile: ${reasons.join(": ") || "deno compile printed no reason"}`;
}

/** The numbered causes of an error of Deno, from the outermost to the innermost. */
function causesIn(stderr: string): string[] {
  const [, list = ""] = stderr.split(/^Caused by:$/m);
  const [causes = ""] = list.split(/^Stack backtrace:/m);
  return causes.split("\n").map((line) => line.trim().replace(/^\d+: /, ""))
    .filter((line) => line !== "");
}
