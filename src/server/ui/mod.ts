/**
 * The web page: one HTML file with its script and style, at `/ui`, and at `/` for browsers.
 *
 * @module
 */
export { pageRoutes } from "./routes.ts";
