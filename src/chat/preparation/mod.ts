/** Rendering of prompts and compilation of grammars, in this thread or in threads of their own. */

export { PreparationPool } from "./pool.ts";
export { inlinePreparer, type PreparedAnswer, type Preparer } from "./prepare.ts";
