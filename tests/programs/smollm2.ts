/** The real model SmolLM2, in a folder of its own for programs that serve a folder. */
import { join } from "node:path";
import { provideModel, SMOLLM2 } from "../real/real_models.ts";
import { programsFolder } from "./registry.ts";

/** The model's name, and the folder that has nothing else; or why it cannot be fetched. */
export type Fetched =
  | { readonly name: string; readonly folder: string }
  | { readonly missing: string };

/**
 * Fetches the model, unless it is there.
 * @throws {Error} if its checksum differs.
 */
export async function fetchSmolLM2(): Promise<Fetched> {
  const folder = join(programsFolder(), "models", "smollm2");
  const fetched = { name: "smollm2-135m-instruct.q4_1", folder };
  const path = join(folder, SMOLLM2.file);
  if (await Deno.stat(path).then(() => true, () => false)) return fetched;
  const provided = await provideModel(SMOLLM2);
  if ("missing" in provided) return provided;
  await Deno.mkdir(folder, { recursive: true });
  // The folders may be on different file systems.
  await Deno.link(provided.path, path).catch(() => Deno.copyFile(provided.path, path));
  return fetched;
}
