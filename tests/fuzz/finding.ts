import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { type Problem, signatureOf } from "./support/problem.ts";

/** A problem with the cases that cause it: one, or those before a problem that shows later. */
export interface Finding {
  readonly target: string;
  readonly problem: Problem;
  readonly cases: readonly unknown[];
}

/** Writes a finding to a folder. @returns the path. */
export async function saveFinding(folder: string, finding: Finding): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const { target, problem } = finding;
  const path = join(
    folder,
    `${target}_${problem.kind}_${await shortHash(signatureOf(problem))}.json`,
  );
  await Deno.writeTextFile(path, `${JSON.stringify(finding, null, 2)}\n`);
  return path;
}

async function shortHash(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return encodeHex(hash).slice(0, 8);
}

/** Reads a finding. */
export async function readFinding(path: string): Promise<Finding> {
  return JSON.parse(await Deno.readTextFile(path));
}
