export { strftime } from "./strftime.ts";
export { loadTemplate, type Template } from "./template.ts";
