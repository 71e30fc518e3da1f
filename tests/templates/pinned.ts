import { MissingProgramError } from "../../scripts/ffi/source.ts";
import { llamaTemplates, type NamedTemplate } from "../../scripts/goldens/templates.ts";

/** The chat templates of the pinned llama.cpp, or the reason why they are missing. */
export interface PinnedTemplates {
  readonly templates: readonly NamedTemplate[];
  /** The missing item, as the end of a test's name; empty if the templates are present. */
  readonly missing: string;
}

/**
 * Reads the templates from `SHIMMY_LLAMA_SOURCE`, otherwise from the sources in the npm package.
 */
export async function pinnedTemplates(): Promise<PinnedTemplates> {
  try {
    return { templates: await llamaTemplates(), missing: "" };
  } catch (error) {
    if (!(error instanceof MissingProgramError)) throw error;
    return { templates: [], missing: ` (skipped: ${error.message})` };
  }
}
