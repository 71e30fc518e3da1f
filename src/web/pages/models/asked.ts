/** A dialog about a model. */
export interface Asked {
  readonly what: "plan" | "adapters" | "delete";
  readonly name: string;
}
