import { signal } from "@preact/signals";
import { listModels, type ModelSummary } from "../../../api/mod.ts";
import { announce } from "../../../ui/mod.ts";

/** The models that generate text; null before they are known. */
export const models = signal<readonly ModelSummary[] | null>(null);

/** Reads the list of models from the server. */
export async function loadModels(): Promise<void> {
  try {
    models.value = (await listModels()).filter(({ kind }) => kind === "language");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    announce(`Cannot list the models: ${reason}`, { isError: true });
  }
}
