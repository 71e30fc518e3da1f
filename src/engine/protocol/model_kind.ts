import { ShimmyError } from "../../errors.ts";
import type { ModelInfo } from "./model_info.ts";

/** Error for a text generation request to an embedding or reranking model. */
export function cannotGenerateError(kind: ModelInfo["kind"]): ShimmyError {
  const does = kind === "rerank" ? "scores documents" : "computes embeddings";
  return new ShimmyError("invalid", `model: ${does} and does not generate text`, {
    field: "model",
  });
}
