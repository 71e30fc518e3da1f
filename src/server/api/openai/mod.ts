import type { Route } from "../../http/mod.ts";
import { chatRoutes } from "./chat/chat.ts";
import { completionRoutes } from "./completions/completions.ts";
import { embeddingRoutes } from "./embeddings/embeddings.ts";
import { modelRoutes } from "./models.ts";
import { rerankRoutes } from "./embeddings/rerank.ts";
import { responseRoutes } from "./responses/routes.ts";
import { tokenRoutes } from "./tokens.ts";

export { openaiDialect } from "./shared/dialect.ts";

/** Every route of OpenAI's API that is served, and the helpers beside them. */
export const openaiRoutes: readonly Route[] = [
  ...modelRoutes,
  ...chatRoutes,
  ...completionRoutes,
  ...responseRoutes,
  ...embeddingRoutes,
  ...rerankRoutes,
  ...tokenRoutes,
];
