/** Rendering of prompts and compilation of grammars, in this thread or in threads of their own. */

export { withMedia } from "./media.ts";
export { PreparationPool } from "./pool.ts";
export {
  type FetchImages,
  inlinePreparer,
  type JsonParser,
  type PreparedAnswer,
  type Preparer,
  sharedPreparer,
} from "./prepare.ts";
