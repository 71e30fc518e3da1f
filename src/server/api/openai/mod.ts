import type { Route } from "../../route.ts";
import { chatRoutes } from "./chat.ts";
import { completionRoutes } from "./completions.ts";
import { embeddingRoutes } from "./embeddings.ts";
import { modelRoutes } from "./models.ts";
import { rerankRoutes } from "./rerank.ts";
import { responseRoutes } from "./responses/routes.ts";
import { tokenRoutes } from "./tokens.ts";

export { openaiDialect } from "./dialect.ts";

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
