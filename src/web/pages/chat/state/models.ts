import { signal } from "@preact/signals";
import { listModels, type ModelSummary } from "../../../api/mod.ts";
import { announce } from "../../../ui/mod.ts";

/** The models that generate text; null before they are known. */
export const models = signal<readonly ModelSummary[] | null>(null);

/** Maximum bytes of a request; null before it is known. */
export const maxBodyBytes = signal<number | null>(null);

/** The model of a name; null: the default one. Undefined while it is not known. */
export function modelOf(name: string | null): ModelSummary | undefined {
  return models.value?.find((one) => name === null ? one.default : one.name === name);
}

/** What a model may take besides text, by the names of its capabilities. */
export type MediaKind = "vision" | "audio";

/** Why a model takes no images or sounds; null if it takes them, and while it is not known. */
export function mediaRefusal(name: string | null, kind: MediaKind): string | null {
  const model = modelOf(name);
  if (model === undefined || model.capabilities.includes(kind)) return null;
  return `${model.name} takes no ${kind === "vision" ? "images" : "audio"}`;
}

/** Reads the list of models from the server. */
export async function loadModels(): Promise<void> {
  try {
    const list = await listModels();
    models.value = list.models.filter(({ kind }) => kind === "language");
    maxBodyBytes.value = list.max_body_bytes;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    announce(`Cannot list the models: ${reason}`, { isError: true });
  }
}
