/**
 * The frame of all pages: navigation, hash routes, colour scheme, keyboard shortcuts, the dialog that asks
 * for a key.
 *
 * @module
 */
export { App } from "./app.tsx";
export type { Page } from "./page.ts";
export { hrefOf } from "./hash.ts";
export { navigate, route } from "./router.ts";
