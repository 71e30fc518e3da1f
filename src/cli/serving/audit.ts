import { type AuditLine, AuditLog, isReadableByOthers } from "../../access/mod.ts";
import { fileReason } from "../../errors.ts";
import type { AccessRecord } from "../../server/mod.ts";
import { UsageError } from "../options/mod.ts";
import type { Log } from "./log.ts";

/**
 * Opens the file of `--audit`.
 *
 * @throws {UsageError} when it cannot be opened.
 */
export async function openAudit(path: string, log: Log): Promise<AuditLog> {
  try {
    const audit = await AuditLog.open(path, { failed: log.error, recovered: log.info });
    if (await isReadableByOthers(path)) log.warn(`--audit: other users can read ${path}`);
    return audit;
  } catch (error) {
    throw new UsageError(`--audit: cannot open ${path}: ${fileReason(error)}`);
  }
}

/** A finished request as a line of the audit log. The time is that of its end. */
export function auditLine(record: AccessRecord, now: Date): AuditLine {
  return {
    time: now.toISOString(),
    request: record.requestId,
    key: record.key,
    method: record.method,
    route: record.route,
    model: record.model,
    prompt_tokens: record.promptTokens,
    completion_tokens: record.completionTokens,
    status: record.status,
    duration_ms: Math.round(record.durationMs),
  };
}
