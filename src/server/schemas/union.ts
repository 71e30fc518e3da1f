import * as z from "zod";

/** A schema of the values that one of several schemas accepts; undefined without schemas. */
export function unionOf(schemas: readonly z.ZodType[]): z.ZodType | undefined {
  return schemas.length > 1 ? z.union(schemas) : schemas[0];
}
