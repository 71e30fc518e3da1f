import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import { ShimmyError } from "../../errors.ts";
import { isReference } from "../../models/pull/mod.ts";
import { createHandler, type Handler } from "../../server/mod.ts";
import { VERSION } from "../../version.ts";
import {
  type Address,
  formatAddress,
  isLoopback,
  parseAddress,
  SERVE_OPTIONS,
  UsageError,
} from "../options/mod.ts";
import { command, EXIT, type Session, stoppable } from "../environment/mod.ts";
import { explain, placementLine } from "../output/mod.ts";
import { createLog, followConfig, type Log, residenceOf } from "../serving/mod.ts";
import { modelStore, pullBase, pullDraft } from "../pulling/mod.ts";

/** Milliseconds that answers get to end by themselves when the server stops. */
const DRAIN_MS = 30_000;
/** Room for long conversations with images in base64; more is no request for a model. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Shorter than the minute after which common proxies close a silent stream. */
const KEEP_ALIVE_MS = 15_000;

/** `serve`: the server, until it is asked to stop. */
export default command({
  operands: [],
  options: SERVE_OPTIONS,
  run: async ({ values, globals, config, configPaths, again }, world) => {
    const { output, env } = world;
    const address = parseAddress(values.bind, values.port);
    guardAddress(address, values["api-key"], values.insecure);
    const log = createLog(env("SHIMMY_LOG"), globals.verbose, (line) => output.note(line));
    return await stoppable(world, EXIT.ok, async (stop) => {
      const pulling = { signal: stop, say: log.info };
      const asked = values["model-path"] ?? undefined;
      await using session = await world.openSession({
        ...await pullBase(world, asked, values, pulling),
        globals: await pullDraft(world, globals, values, pulling),
        parallel: values.parallel,
        config,
        residence: residenceOf(values),
        isolate: !values["in-process"] && await canIsolate(log),
        paths: "found",
        say: log.info,
      });
      const socketAnswers = new Set<Promise<void>>();
      const server = listen(
        address,
        createHandler({
          pool: session.pool,
          store: modelStore(world),
          settings: {
            version: VERSION,
            library: LLAMA_VERSION,
            apiKey: values["api-key"],
            corsOrigins: values["cors-origin"],
            loopbackOnly: isLoopback(address.hostname),
            maxBodyBytes: MAX_BODY_BYTES,
            keepAliveMs: KEEP_ALIVE_MS,
          },
          report: (error, requestId) =>
            log.error(explain(error, globals.verbose), { request: requestId }),
          stopping: stop,
          socketAnswers,
        }),
      );
      const { hostname, port } = server.addr;
      await output.print(formatAddress(hostname, port));
      log.info(`Shimmy ${VERSION} listens on http://${formatAddress(hostname, port)}`);
      if (config !== null) log.info(`Settings are those of ${config.path}`);
      await using _following = followConfig(
        { values, globals, config, configPaths, again },
        session,
        log,
        // By then nobody is there to be asked.
        (now) => pullDraft(world, now.globals, { yes: now.values.yes, mute: true }, pulling),
      );
      const ready = prepare(session, log, globals.verbose, stop, {
        chosen: asked !== undefined && isReference(asked),
        keeps: values["keep-alive"] > 0,
      });
      await aborted(stop);
      log.info("Stopping when the answers that run are done; once more ends at once");
      await drain(server, socketAnswers, log);
      await session[Symbol.asyncDispose]();
      await ready;
      return EXIT.ok;
    });
  },
});

/** Whether child processes may be started; where not, it is told. */
async function canIsolate(log: Log): Promise<boolean> {
  if (Deno.build.standalone) return true;
  const command = Deno.execPath();
  const { state } = await Deno.permissions.query({ name: "run", command });
  if (state === "granted") return true;
  log.info("Models run inside the server's process, as --allow-run is not given");
  return false;
}

/** @throws {UsageError} where anyone on the network could use the machine. */
function guardAddress({ hostname }: Address, apiKey: string | null, insecure: boolean): void {
  if (isLoopback(hostname) || apiKey !== null || insecure) return;
  throw new UsageError(
    `--bind: ${hostname} can be reached from other machines; set --api-key, or say --insecure`,
  );
}

/** Listens on the first port that is free. */
function listen({ hostname, ports }: Address, handler: Handler): Deno.HttpServer<Deno.NetAddr> {
  for (const port of ports) {
    try {
      return Deno.serve({ hostname, port, onListen: () => {} }, handler);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) continue;
      throw new ShimmyError("backend", `Cannot listen on ${formatAddress(hostname, port)}`, {
        cause: error,
      });
    }
  }
  const [first, last] = [ports[0], ports.at(-1)];
  const which = first === last ? `port ${first} is` : `ports ${first} to ${last} are`;
  throw new ShimmyError("backend", `Cannot listen on ${hostname}: ${which} in use`);
}

/**
 * Tells what there is, and loads the default model where somebody chose it or it is small. A model
 * that only happened to be found first may be far too large to take memory unasked.
 */
async function prepare(
  session: Session,
  log: Log,
  verbose: boolean,
  stop: AbortSignal,
  { chosen, keeps }: { readonly chosen: boolean; readonly keeps: boolean },
): Promise<void> {
  try {
    const { models, skipped } = await session.pool.discovery();
    for (const { path, reason, kind } of skipped) {
      if (kind === "broken" || kind === "shard") log.warn(`Skipped ${path}: ${reason}`);
      else log.debug(`Passed over ${path}: ${reason}`);
    }
    const entry = await session.choose();
    log.info(`Models: ${models.length}; the default is ${entry.name}`);
    await session.library();
    // Where nothing stays, what is loaded ahead would be gone before the first request.
    if (!keeps) return;
    if (!chosen && entry.source !== "base" && entry.source !== "builtin") return;
    const { info } = await session.pool.engine(entry, stop);
    log.info(`${entry.name} is loaded (${info.description}): ${placementLine(info)}`);
  } catch (error) {
    if (!stop.aborted) log.error(explain(error, verbose));
  }
}

/** Waits until every answer is done, or too long. */
async function drain(
  server: Deno.HttpServer,
  socketAnswers: ReadonlySet<Promise<void>>,
  log: Log,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) =>
    timer = setTimeout(() => resolve("late"), DRAIN_MS)
  );
  const done = Promise.all(socketAnswers).then(() => server.shutdown());
  if (await Promise.race([done, late]) === "late") {
    log.warn("Some answers took too long and are cut off");
  }
  clearTimeout(timer);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
