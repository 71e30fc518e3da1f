/** A line of `POST /api/pull`. */
export interface PullLine {
  readonly status?: string;
  readonly digest?: string;
  readonly total?: number;
  readonly completed?: number;
  readonly error?: string;
}

/** The progress of a pull over all files that the server has named. */
export interface PullProgress {
  readonly status: string;
  readonly completed: number;
  /** Bytes; null while no size is known. */
  readonly total: number | null;
  /** Completed and total bytes by file. */
  readonly files: ReadonlyMap<string, { readonly completed: number; readonly total: number }>;
}

export const BEGIN: PullProgress = {
  status: "asks the registry",
  completed: 0,
  total: null,
  files: new Map(),
};

/** The progress after a line. */
export function advance(progress: PullProgress, line: PullLine): PullProgress {
  const status = line.status ?? progress.status;
  if (line.completed === undefined) return { ...progress, status };
  const files = new Map(progress.files);
  const { completed } = line;
  // A file without a known size is as large as what has come.
  files.set(line.digest ?? status, { completed, total: line.total ?? completed });
  const sum = (of: "completed" | "total") =>
    [...files.values()].reduce((total, file) => total + file[of], 0);
  return { status, files, completed: sum("completed"), total: sum("total") };
}
