export { createHandler, type Handler } from "./app.ts";
