import type { ToolFormat } from "../shared/format.ts";
import { jsonSections } from "../shared/json_section.ts";

/** Firefunction 2: `functools` and a JSON list. */
export const firefunction: ToolFormat = jsonSections({
  name: "firefunction",
  matches: (template) => template.includes("functools["),
  open: "functools",
  close: "",
  shape: "list",
  between: ", ",
});
