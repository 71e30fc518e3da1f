import { LAYERS } from "../check/architecture.ts";
import { code, table } from "./markdown.ts";

/** A table of the layers, the highest first, with their rooms. */
export function layerTable(): string {
  return table(
    ["layer", "rooms"],
    LAYERS.map((rooms, index) => [String(index + 1), rooms.map(code).join(", ")]).reverse(),
  );
}
