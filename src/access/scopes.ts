/**
 * The rights of a key. Each route declares the scope that it needs:
 *
 * - `chat`: answers, completions and tokenization;
 * - `embed`: embeddings and scores;
 * - `models:read`: names, states and details of models;
 * - `metrics`: metrics and diagnostics of the whole server;
 * - `admin`: load, unload, pull, create and delete models, change adapters, and manage keys.
 */
export const SCOPES = ["chat", "embed", "models:read", "metrics", "admin"] as const;

export type Scope = typeof SCOPES[number];

/** The scopes of a key that is created without any. */
export const DEFAULT_SCOPES: readonly Scope[] = ["chat", "embed", "models:read"];

/** Whether a text is the name of a scope. */
export function isScope(text: unknown): text is Scope {
  return SCOPES.some((one) => one === text);
}
