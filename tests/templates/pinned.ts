import { MissingProgramError } from "../../scripts/ffi/source.ts";
import { llamaTemplates, type NamedTemplate } from "../../scripts/goldens/templates.ts";

/** The chat templates of the pinned llama.cpp, or why there are none here. */
export interface PinnedTemplates {
  readonly templates: readonly NamedTemplate[];
  /** What is missing, as the end of a test's name; empty where the templates are there. */
  readonly missing: string;
}

/** Reads the templates of `SHIMMY_LLAMA_SOURCE`, or else of the sources in npm's package. */
export async function pinnedTemplates(): Promise<PinnedTemplates> {
  try {
    return { templates: await llamaTemplates(), missing: "" };
  } catch (error) {
    if (!(error instanceof MissingProgramError)) throw error;
    return { templates: [], missing: ` (skipped: ${error.message})` };
  }
}
