export { modelStore } from "./model_store.ts";
export { agreed, pullShown } from "./pull.ts";
export { pullBase, pullDraft, pullNamed } from "./pull_named.ts";
