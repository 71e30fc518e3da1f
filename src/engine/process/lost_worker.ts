import type { RpcWorker } from "../protocol/mod.ts";

/** What ggml writes before it ends the process because of a worker. */
const LOST = /Remote RPC server crashed|Failed to connect to|RPC handshake failed/;
/** What the reason of a lost worker begins with. */
const REASON = "An RPC worker of the model";
/** Milliseconds for a worker to answer. */
const ANSWER_MS = 2_000;

/** Whether a model has ended because of an RPC worker, so that it can be loaded again when the worker is back. */
export function isWorkerLoss(reason: string): boolean {
  return reason.startsWith(REASON);
}

/** Whether a load was refused because an RPC worker cannot be used now (`probeWorker`). */
export function isMissingWorker(reason: string): boolean {
  return /^Worker \S+ /.test(reason);
}

/**
 * Why the process of a model with RPC workers has ended, or gives no sign of life. Null if no worker is the reason.
 *
 * @param output the last output of the process; null if it gives no sign of life
 */
export async function explainWorkerLoss(
  workers: readonly RpcWorker[],
  output: string | null,
): Promise<string | null> {
  if (output !== null && !LOST.test(output)) return null;
  const away = (await Promise.all(workers.map(isAway))).flatMap((is, index) =>
    is ? [workers[index]!.endpoint] : []
  );
  if (away.length > 0) return `${REASON} does not answer any more: ${away.join(", ")}`;
  // It answers again, or only the process of this connection has ended.
  return output === null
    ? null
    : `${REASON} has ended the connection; its workers: ${
      workers.map(({ endpoint }) => endpoint).join(", ")
    }`;
}

async function isAway({ address }: RpcWorker): Promise<boolean> {
  // Most servers have no workers.
  const { parseEndpoints, probeWorker } = await import("../../rpc/workers/mod.ts");
  try {
    await probeWorker(parseEndpoints(address, "address")[0]!, { timeoutMs: ANSWER_MS });
    return false;
  } catch {
    return true;
  }
}
