import { signal } from "@preact/signals";
import { ApiError, getJson, listModels, type ModelSummary, request } from "../../api/mod.ts";

/** The models of the server; null before they are listed. */
export const models = signal<readonly ModelSummary[] | null>(null);

/** When the models were listed, by `performance.now()`. */
export const listedAt = signal(0);

/** Why the models cannot be listed. */
export const listError = signal<string | null>(null);

/** Lists the models again. */
export async function refresh(): Promise<void> {
  await keepList(async () => (await listModels()).models);
}

/** Searches the folders of models again. */
export async function discover(): Promise<void> {
  await keepList(async () => {
    const response = await request("/api/models/discover", { method: "POST" });
    return (await response.json()).models;
  });
}

/** Unloads a model. @throws {ApiError} */
export async function unload(name: string): Promise<void> {
  await request(modelPath(name, "unload"), { method: "POST" });
  await refresh();
}

/** Deletes the file of a model that Shimmy pulled. @throws {ApiError} */
export async function remove(name: string): Promise<void> {
  await request("/api/delete", {
    method: "DELETE",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: name }),
  });
  await refresh();
}

/** The status of a model, with what a loaded one has. @throws {ApiError} */
export function statusOf(name: string): Promise<ModelStatus> {
  return getJson(modelPath(name, "status"));
}

/** The used part of `GET /api/models/:name/status`. */
export interface ModelStatus {
  readonly state: ModelSummary["state"];
  readonly progress: number;
  readonly error: string | null;
  readonly loaded: {
    readonly description: string;
    readonly capabilities: readonly string[];
    readonly context_length: number;
    readonly parallel: number;
    readonly load_ms: number;
    readonly notes: readonly string[];
  } | null;
}

/** The path of a model's route. */
export function modelPath(name: string, what: string): string {
  return `/api/models/${encodeURIComponent(name)}/${what}`;
}

/** The message of a failed request for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function keepList(list: () => Promise<readonly ModelSummary[]>): Promise<void> {
  try {
    models.value = await list();
    listedAt.value = performance.now();
    listError.value = null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    listError.value = error.message;
  }
}
