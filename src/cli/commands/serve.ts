import { delay } from "@std/async/delay";
import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import type { ModelEntry } from "../../models/entry/mod.ts";
import { isReference } from "../../models/pull/mod.ts";
import {
  createHandler,
  type Handler,
  type Listener,
  Metrics,
  ollamaServerRoutes,
  type ServerContext,
} from "../../server/mod.ts";
import { VERSION } from "../../version.ts";
import {
  type Address,
  formatAddress,
  isLoopback,
  parseAddress,
  parseOllamaAddress,
  SERVE_OPTIONS,
  type ServeValues,
  UsageError,
} from "../options/mod.ts";
import {
  command,
  type Environment,
  EXIT,
  interruptible,
  type InterruptSignal,
  type ModelSession,
} from "../environment/mod.ts";
import { explain, placementLine, printable } from "../output/mod.ts";
import {
  checkDefaultModel,
  createLog,
  listen,
  type Log,
  logAccess,
  residencyLimits,
  resolveAddress,
  warmUp,
  warnMissingFolders,
  watchConfig,
} from "../serving/mod.ts";
import { modelStore, resolveDefaultModel, resolveDraft } from "../pulling/mod.ts";

/** Milliseconds between the end of the load and the request that warms the server up. */
const WARM_UP_DELAY = 50;
/** Milliseconds that running requests have to finish when the server stops. */
const DRAIN_MS = 30_000;
/** Maximum size of a request body: long conversations with base64 images fit. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Interval of keep-alive comments. Common proxies close a stream after 60 s without data. */
const KEEP_ALIVE_MS = 15_000;

/** `serve`: runs the server until an interrupt. */
export default command({
  operands: [],
  options: SERVE_OPTIONS,
  run: async ({ values, globals, config, configPaths, reload }, environment) => {
    const { output, env } = environment;
    const address = resolveAddress(parseAddress(values.bind, values.port));
    const ollamaAddress = values.ollama === null
      ? null
      : resolveAddress(parseOllamaAddress(values.ollama), "--ollama");
    const log = createLog(env("SHIMMY_LOG"), globals.verbose, output);
    const addresses = [address, ...(ollamaAddress === null ? [] : [ollamaAddress])];
    const apiKey = await apiKeyFor(addresses, values, environment);
    let interruptedBy: InterruptSignal | undefined;
    using _ = environment.onInterrupt((signal) => interruptedBy ??= signal);
    return await interruptible(environment, EXIT.interrupted, async (stop) => {
      const pulling = { signal: stop, notify: log.info };
      const asked = values["model-path"] ?? undefined;
      const chosen = await resolveDefaultModel(environment, asked, values, pulling);
      if (chosen.base !== undefined) await checkDefaultModel(chosen.base);
      await warnMissingFolders(globals["model-dirs"], env, log);
      await using session = await environment.openModelSession({
        ...chosen,
        globals: await resolveDraft(environment, globals, values, pulling),
        parallel: values.parallel,
        config,
        aliases: values.alias,
        residency: residencyLimits(values),
        isolate: !values["in-process"] && await canIsolate(log),
        paths: "found",
        notify: log.info,
      });
      const socketAnswers = new Set<Promise<void>>();
      const metrics = new Metrics();
      const context = (hostname: string): ServerContext => ({
        pool: session.registry,
        store: modelStore(environment),
        metrics,
        settings: {
          version: VERSION,
          library: LLAMA_VERSION,
          apiKey,
          corsOrigins: values["cors-origin"],
          loopbackOnly: isLoopback(hostname),
          strict: values.strict,
          maxBodyBytes: MAX_BODY_BYTES,
          keepAliveMs: KEEP_ALIVE_MS,
        },
        report: (error, requestId) =>
          log.error(explain(error, globals.verbose), { request: requestId }),
        access: (record) => logAccess(log, record),
        stopping: stop,
        socketAnswers,
      });
      const servers = [listen(address, createHandler(context(address.hostname)))];
      if (ollamaAddress !== null) {
        const handler = createHandler(context(ollamaAddress.hostname), ollamaServerRoutes);
        servers.push(await listenBeside(servers[0]!, ollamaAddress, handler));
      }
      const { hostname, port } = servers[0]!.addr;
      await output.print(formatAddress(hostname, port));
      log.info(`Shimmy ${VERSION} listens on http://${formatAddress(hostname, port)}`);
      for (const { addr } of servers.slice(1)) {
        log.info(`Ollama's API is on http://${formatAddress(addr.hostname, addr.port)}`);
      }
      if (config !== null) log.info(`Using configuration file ${config.path}`);
      await using _watch = watchConfig(
        { values, globals, config, configPaths, reload },
        session,
        log,
        // A running server cannot ask the user.
        (next) =>
          resolveDraft(
            environment,
            next.globals,
            { yes: next.values.yes, isStdinUsed: true },
            pulling,
          ),
      );
      const ready = prepare(session, log, globals.verbose, stop, {
        isChosen: asked !== undefined && isReference(asked),
        keepsModels: values["keep-alive"] > 0,
        warmUp: (entry) => warmUp(context(address.hostname), entry.name, stop),
      });
      await aborted(stop);
      log.info("Finishing running requests; press Ctrl-C again to quit now");
      await drain(servers, socketAnswers, log);
      await session[Symbol.asyncDispose]();
      await ready;
      // A service manager that stops the server expects success.
      return interruptedBy === "SIGTERM" ? EXIT.ok : EXIT.interrupted;
    });
  },
});

/** Whether child processes may be started. If not, the log says so. */
async function canIsolate(log: Log): Promise<boolean> {
  if (Deno.build.standalone) return true;
  const command = Deno.execPath();
  const { state } = await Deno.permissions.query({ name: "run", command });
  if (state === "granted") return true;
  log.info("Models run inside the server's process, because --allow-run is not granted");
  return false;
}

/**
 * The API key that clients must send. For an address beyond this machine without a key, the user at the
 * terminal is asked for one.
 *
 * @throws {UsageError} for such an address when no key is given.
 */
async function apiKeyFor(
  addresses: readonly Address[],
  values: Pick<ServeValues, "api-key" | "insecure">,
  { input }: Environment,
): Promise<string | null> {
  const { "api-key": given, insecure } = values;
  const open = addresses.findIndex(({ hostname }) => !isLoopback(hostname));
  if (open < 0 || given !== null || insecure) return given;
  const { hostname } = addresses[open]!;
  const question = `Other machines can reach ${hostname}. API key that clients must send:`;
  const key = input.isTerminal ? await input.secret(question) : null;
  if (key) return key;
  throw new UsageError(
    `${open === 0 ? "--bind" : "--ollama"}: other machines can reach ${hostname}; ` +
      "set --api-key, or use --insecure",
  );
}

/** Listens on a second address; ends the first server if the address is not free. */
async function listenBeside(
  first: Listener,
  address: Address,
  handler: Handler,
): Promise<Listener> {
  try {
    return listen(address, handler);
  } catch (error) {
    await first.shutdown();
    throw error;
  }
}

/**
 * Reports the models and loads the default model if it was chosen or is built in. A model that is the
 * default only because it was found first is loaded on request, because it may be large.
 */
async function prepare(
  session: ModelSession,
  log: Log,
  verbose: boolean,
  stop: AbortSignal,
  { isChosen, keepsModels, warmUp }: {
    readonly isChosen: boolean;
    readonly keepsModels: boolean;
    /** Sends a first request to a loaded model. */
    readonly warmUp: (entry: ModelEntry) => Promise<void>;
  },
): Promise<void> {
  try {
    const { models, skipped } = await session.registry.discovery();
    for (const { path, reason, kind } of skipped) {
      if (kind === "broken" || kind === "shard") log.warn(printable(`Skipped ${path}: ${reason}`));
      else log.debug(printable(`Ignored ${path}: ${reason}`));
    }
    const entry = await session.selectModel();
    const count = models.length === 1 ? "1 model" : `${models.length} models`;
    log.info(`${count}; default: ${printable(entry.name)}`);
    await session.prepareLibrary();
    // With --keep-alive 0 the model would be unloaded before the first request.
    if (!keepsModels) return;
    if (!isChosen && entry.source !== "base" && entry.source !== "builtin") return;
    const engine = await session.registry.preload(entry, stop);
    if (engine === null) {
      log.info(`${printable(entry.name)} is loaded on request: another model was requested first`);
      return;
    }
    const { info } = engine;
    log.info(`Loaded ${printable(entry.name)} (${info.description}): ${placementLine(info)}`);
    if (info.kind !== "language") return;
    // After the answers to clients that wait for the load.
    await delay(WARM_UP_DELAY, { signal: stop });
    await warmUp(entry);
  } catch (error) {
    if (!stop.aborted) log.error(explain(error, verbose));
  }
}

/** Waits until all requests are done, at most `DRAIN_MS`. */
async function drain(
  servers: readonly Listener[],
  socketAnswers: ReadonlySet<Promise<void>>,
  log: Log,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<"timeout">((resolve) =>
    timer = setTimeout(() => resolve("timeout"), DRAIN_MS)
  );
  const done = Promise.all(socketAnswers).then(() =>
    Promise.all(servers.map((server) => server.shutdown()))
  );
  if (await Promise.race([done, timeout]) === "timeout") {
    log.warn(`Aborting requests that did not finish within ${DRAIN_MS / 1000} s`);
  }
  clearTimeout(timer);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
