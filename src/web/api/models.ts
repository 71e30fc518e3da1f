import { getJson } from "./request.ts";

/** A model of `GET /api/models`. */
export interface ModelSummary {
  readonly name: string;
  readonly state: "unloaded" | "loading" | "loaded" | "failed";
  readonly kind: "language" | "embedding" | "rerank";
  readonly source: string;
  readonly architecture: string;
  readonly quantization: string;
  readonly parameters: number | null;
  /** Context length in training, in tokens. */
  readonly context_length: number | null;
  /** Bytes. */
  readonly size: number;
  readonly modified_at: string;
  readonly removed?: boolean;
  /** `vision`: it reads images; `audio`: it reads sounds. */
  readonly capabilities: readonly string[];
  /** Whether requests without a model get this one. */
  readonly default: boolean;
  /** Whether the server deletes its file. */
  readonly deletable: boolean;
}

/** The response of `GET /api/models`. */
export interface ModelList {
  readonly models: readonly ModelSummary[];
  /** Maximum bytes of a request's body. */
  readonly max_body_bytes: number;
}

/** The models of the server. @throws {ApiError} */
export async function listModels(): Promise<ModelList> {
  return await getJson<ModelList>("/api/models");
}
