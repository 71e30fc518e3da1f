import { bytes, parameters, table } from "./format.ts";

/** A model as a row of a table. */
export interface ModelRow {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly parameters: number | null;
  readonly quantization: string;
  /** Bytes. */
  readonly size: number;
  /** Context length of the training in tokens. */
  readonly contextLength: number | null;
  readonly kind: string;
  readonly architecture: string;
  readonly source: string;
  /** State of the model in a server. */
  readonly state?: string;
}

type Column = readonly [title: string, text: (row: ModelRow) => string];

/** Models as a table. Aliases and states have a column if a model has one. */
export function modelTable(rows: readonly ModelRow[]): string {
  const hasAliases = rows.some(({ aliases = [] }) => aliases.length > 0);
  const hasStates = rows.some(({ state }) => state !== undefined);
  const columns: readonly Column[] = [
    ["NAME", (row) => row.name],
    ...(hasAliases ? [["ALIASES", (row) => row.aliases?.join(", ") ?? ""] as Column] : []),
    ["PARAMETERS", (row) => parameters(row.parameters)],
    ["QUANT", (row) => row.quantization],
    ["SIZE", (row) => bytes(row.size)],
    ["CONTEXT", (row) => String(row.contextLength ?? "?")],
    ["KIND", (row) => row.kind],
    ["ARCHITECTURE", (row) => row.architecture],
    ["SOURCE", (row) => row.source],
    ...(hasStates ? [["STATE", (row) => row.state ?? ""] as Column] : []),
  ];
  return table([
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, text]) => text(row))),
  ]);
}
