/** Jinja chat templates with the Python features that models rely on. */

export { strftime } from "./strftime.ts";
export { isTemplateBudgetError, loadTemplate, type Template } from "./template.ts";
