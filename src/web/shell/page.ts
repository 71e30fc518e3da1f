import type { ComponentType } from "preact";
import type { Shortcut } from "../ui/mod.ts";

/** A page of the registry. */
export interface Page {
  /** The first part of its hash route: `#/ID`. */
  readonly id: string;
  /** Its name in the navigation and in the title of the document. */
  readonly title: string;
  /** Its content, rendered inside of `<main>`. */
  readonly View: ComponentType;
  /** Keys that work while the page is shown; `?` lists them. */
  readonly shortcuts?: readonly Shortcut[];
}
