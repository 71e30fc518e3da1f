import { LLAMA_VERSION } from "../../../../ffi/library/version.ts";
import type { SharedCacheLocation } from "../../../engine/protocol/mod.ts";
import { endSpare } from "../../../engine/process/spare_process.ts";
import { isReference } from "../../../models/pull/mod.ts";
import {
  Activity,
  allRoutes,
  type ConnectionLimits,
  createHandler,
  type Handler,
  type Listener,
  loadRoutes,
  Metrics,
  ollamaServerRoutes,
  type ServerContext,
} from "../../../server/mod.ts";
import { createIssuer, FileDigests } from "../../../receipts/mod.ts";
import { cacheDirectory } from "../../../runtime/library/paths.ts";
import { canRunItself } from "../../../own_command.ts";
import { VERSION } from "../../../version.ts";
import { keyFolder } from "../../config/mod.ts";
import {
  type Address,
  checkApiKey,
  formatAddress,
  type GlobalValues,
  isLoopback,
  parseBind,
  parseOllamaAddress,
  type SERVE_OPTIONS,
  type ServeValues,
  type SocketPath,
  UsageError,
} from "../../options/mod.ts";
import {
  type Call,
  type Environment,
  EXIT,
  interruptible,
  type InterruptSignal,
} from "../../environment/mod.ts";
import { bytes, explain } from "../../output/mod.ts";
import {
  auditLine,
  checkDefaultModel,
  checkOpen,
  createLog,
  folderProblem,
  LatePreparation,
  type Log,
  logAccess,
  openAudit,
  openBrowser,
  openKeyring,
  openStore,
  openTelemetry,
  pageAddress,
  remoteImages,
  residencyLimits,
  resolveAddress,
  warmUp,
  warnMissingFolders,
  warnUnusedWorkerOptions,
  watchConfig,
  watchedLog,
} from "../../serving/mod.ts";
import { certificateFiles, listen, listenWithTls } from "../../listening/mod.ts";
import { diskCacheFolder, nameOfSharedCache, sharedCacheOf } from "../../sessions/mod.ts";
import { modelStore, resolveDefaultModel, resolveDraft } from "../../pulling/mod.ts";
import { loadAtStart } from "./load_at_start.ts";

/** Interval of keep-alive comments. Common proxies close a stream after 60 s without data. */
const KEEP_ALIVE_MS = 15_000;

/** Runs the server of `serve` until an interrupt. @returns the exit status. */
export async function runServer(
  { values, globals, config, configPaths, reload }: Call<typeof SERVE_OPTIONS>,
  environment: Environment,
): Promise<number> {
  const { output, env } = environment;
  const bind = parseBind(values.bind, values.port);
  const address = "path" in bind ? bind : resolveAddress(bind);
  checkOpen(values, address);
  if (values["api-key"] !== null) checkApiKey(values["api-key"]);
  const sharedCache = sharedCacheOf(globals, env);
  const certificate = certificateFiles(values["tls-cert"], values["tls-key"]);
  if (certificate !== null && "path" in address) {
    throw new UsageError("--tls-cert: a Unix socket has no TLS");
  }
  const ollamaAddress = values.ollama === null
    ? null
    : resolveAddress(parseOllamaAddress(values.ollama), "--ollama");
  const activity = new Activity();
  const ownLog = createLog(env("SHIMMY_LOG"), globals.verbose, output);
  const log = watchedLog(ownLog, activity);
  const addresses = [address, ...(ollamaAddress === null ? [] : [ollamaAddress])];
  const folder = keyFolder(values["keys-dir"], { env, os: Deno.build.os });
  await using shared = values.store === null ? null : await openStore(values.store, log);
  await using keys = await openKeyring(folder, log, shared ?? undefined);
  const { keyring, store } = keys;
  const apiKey = keyring?.isRequired
    ? values["api-key"]
    : await apiKeyFor(addresses, values, environment);
  await using audit = values.audit === null ? null : await openAudit(values.audit, log);
  let interruptedBy: InterruptSignal | undefined;
  using _ = environment.onInterrupt((signal) => interruptedBy ??= signal);
  return await interruptible(environment, EXIT.interrupted, async (stop) => {
    const withProjector = !globals["no-mmproj"];
    const pulling = { signal: stop, notify: log.info, withProjector };
    const asked = values["model-path"] ?? undefined;
    const chosen = await resolveDefaultModel(environment, asked, values, pulling);
    if (chosen.base !== undefined) await checkDefaultModel(chosen.base);
    await warnMissingFolders(globals["model-dirs"], env, log);
    const resolved = await resolveDraft(environment, globals, values, pulling);
    await using session = await environment.openModelSession({
      ...chosen,
      globals: resolved,
      parallel: values.parallel,
      config,
      aliases: values.alias,
      residency: residencyLimits(values),
      isolate: await isolates(values, log),
      stepTimeout: values["step-timeout"],
      paths: "found",
      notify: log.info,
    });
    // No model could be loaded without it.
    if (resolved.draft !== null) await session.registry.resolveDraft(resolved.draft);
    const receipts = folder === null ? null : createIssuer({
      folder,
      digests: new FileDigests(cacheDirectory(env)),
      versions: { shimmy: VERSION, libllama: LLAMA_VERSION },
    });
    // The models are looked for while the rest starts. A failure is told by what needs them.
    void session.registry.discovery().catch(() => {});
    using preparer = new LatePreparation();
    const fetchImages = await remoteImages(values);
    const socketAnswers = new Set<Promise<void>>();
    let hasStarted = false;
    const metrics = new Metrics();
    await using telemetry = await openTelemetry(env, () => metrics.values(session.registry), log);
    const context = (hostname: string | null, replaced?: AbortSignal): ServerContext => ({
      pool: session.registry,
      store: modelStore(environment),
      metrics,
      activity,
      preparer,
      parser: preparer,
      settings: {
        version: VERSION,
        library: LLAMA_VERSION,
        apiKey,
        corsOrigins: values["cors-origin"],
        // A browser cannot reach a socket.
        loopbackOnly: hostname !== null && isLoopback(hostname),
        strict: values.strict,
        ui: !values["no-ui"],
        maxBodyBytes: values["max-body"],
        bodyTimeoutMs: values["request-timeout"] * 1000,
        keepAliveMs: KEEP_ALIVE_MS,
      },
      // Details are for the operator alone.
      report: (error, requestId) =>
        ownLog.error(explain(error, globals.verbose), { request: requestId }),
      ...(keyring === null || store === null ? {} : { keyring, keys: store }),
      ...(receipts === null ? {} : { receipts }),
      ...(telemetry === null ? {} : { telemetry }),
      ...(shared === null ? {} : { shared }),
      ...(fetchImages === null ? {} : { fetchImages }),
      access: (record) => {
        logAccess(log, record);
        audit?.write(auditLine(record, new Date()));
      },
      isStarting: () => !hasStarted,
      stopping: stop,
      ...(replaced === undefined ? {} : { replaced }),
      socketAnswers,
    });
    const hostname = "path" in address ? null : address.hostname;
    const limits = {
      idleMs: values["request-timeout"] * 1000,
      most: values["max-connections"],
    };
    const servers = [
      certificate === null || "path" in address
        ? await listen(address, createHandler(context(hostname)), { limits })
        : await listenWithTls(address, {
          files: certificate,
          limits,
          handlerFor: (replaced) => createHandler(context(hostname, replaced)),
          socketAnswers,
          log,
        }),
    ];
    if (ollamaAddress !== null) {
      const handler = createHandler(context(ollamaAddress.hostname), ollamaServerRoutes);
      servers.push(await listenBeside(servers[0]!, ollamaAddress, handler, limits));
    }
    const at = addressText(servers[0]!);
    await output.print(at);
    const scheme = certificate === null ? "http" : "https";
    const url = "path" in address ? at : `${scheme}://${at}`;
    log.info(`Shimmy ${VERSION} listens on ${url}`);
    for (const server of servers.slice(1)) {
      log.info(`Ollama's API is on http://${addressText(server)}`);
    }
    const { addr } = servers[0]!;
    if (!values["no-ui"] && addr.transport === "tcp") {
      const page = pageAddress(scheme, addr);
      log.info(`Open ${page} for the web page`);
      if (values.open) void openBrowser(page, log);
    }
    if (config !== null) log.info(`Using configuration file ${config.path}`);
    noteDiskCache(globals, env, log);
    if (sharedCache !== undefined) await noteSharedCache(sharedCache, log);
    else if (globals["shared-cache-key"] !== null) {
      log.warn("--shared-cache-key has no effect without --shared-cache");
    }
    warnUnusedWorkerOptions(globals, config, log);
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
    const ready = loadAtStart(session, log, globals.verbose, stop, {
      isChosen: asked !== undefined && isReference(asked),
      keepsModels: values["keep-alive"] > 0,
      started: () => hasStarted = true,
      readModules: async () => {
        // The server may stop meanwhile.
        const warm = preparer.warm().catch(() => {});
        await loadRoutes(allRoutes, stop);
        await warm;
      },
      // The answer to a client warms the server up as well, and a client may have unloaded the model.
      warmUp: (entry) =>
        warmUp(
          context(hostname),
          entry.name,
          stop,
          () => !metrics.hasAnswers && session.registry.state(entry).state === "loaded",
        ),
    }).finally(endSpare);
    await aborted(stop);
    log.info(
      `Finishing running requests for at most ${values.drain} s; ` +
        "press Ctrl-C again, or send a second signal, to quit now",
    );
    await drain(servers, socketAnswers, values.drain, log);
    await session[Symbol.asyncDispose]();
    await ready;
    // A service manager that stops the server expects success.
    return interruptedBy === "SIGTERM" ? EXIT.ok : EXIT.interrupted;
  });
}

/** Names the folder of the prefix cache on disk, because the files contain what was said. */
function noteDiskCache(globals: GlobalValues, env: Environment["env"], log: Log): void {
  const size = globals["disk-cache"];
  if (size === 0) return;
  const folder = diskCacheFolder(globals, () => cacheDirectory(env));
  log.info(`Prompts and answers are kept in ${folder}, at most ${bytes(size)} (--disk-cache)`);
}

/** Names the place of the prefixes that servers share, and what is wrong with it. */
async function noteSharedCache(location: SharedCacheLocation, log: Log): Promise<void> {
  const place = nameOfSharedCache(location);
  log.info(`Prompts and answers are shared in ${place} (--shared-cache)`);
  const problem = "folder" in location ? await folderProblem(location.folder) : null;
  // A network file system may be mounted later.
  if (problem !== null) {
    log.warn(`--shared-cache: ${place} ${problem}; this server goes on without it meanwhile`);
  }
}

/** Whether each model gets a process of its own. The log says what is without effect otherwise. */
async function isolates(
  { "in-process": isInside, "step-timeout": limit }: ServeValues,
  log: Log,
): Promise<boolean> {
  if (!isInside && await canIsolate(log)) return true;
  if (limit !== null) {
    log.warn("--step-timeout has no effect on models that run inside the server's process");
  }
  return false;
}

/** Whether child processes may be started. If not, the log says so. */
async function canIsolate(log: Log): Promise<boolean> {
  if (await canRunItself()) return true;
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
  addresses: readonly (Address | SocketPath)[],
  values: Pick<ServeValues, "api-key" | "insecure">,
  { input }: Environment,
): Promise<string | null> {
  const { "api-key": given, insecure } = values;
  const open = addresses.findIndex((one) => "hostname" in one && !isLoopback(one.hostname));
  if (open < 0 || given !== null || insecure) return given;
  const { hostname } = addresses[open] as Address;
  const question = `Other machines can reach ${hostname}. API key that clients must send:`;
  const key = input.isTerminal ? await input.secret(question) : null;
  if (key) {
    checkApiKey(key);
    return key;
  }
  throw new UsageError(
    `${open === 0 ? "--bind" : "--ollama"}: other machines can reach ${hostname}; ` +
      "set --api-key, make keys with shimmy keys init, or use --insecure",
  );
}

/** The address of a server, as clients of the command line take it. */
function addressText({ addr }: Listener): string {
  return "path" in addr ? `unix:${addr.path}` : formatAddress(addr.hostname, addr.port);
}

/** Listens on a second address; ends the first server if the address is not free. */
async function listenBeside(
  first: Listener,
  address: Address,
  handler: Handler,
  limits: ConnectionLimits,
): Promise<Listener> {
  try {
    return await listen(address, handler, { limits });
  } catch (error) {
    await first.shutdown();
    throw error;
  }
}

/** Waits until all requests are done, for at most `seconds`. */
async function drain(
  servers: readonly Listener[],
  socketAnswers: ReadonlySet<Promise<void>>,
  seconds: number,
  log: Log,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<"timeout">((resolve) =>
    timer = setTimeout(() => resolve("timeout"), seconds * 1000)
  );
  const done = Promise.all(socketAnswers).then(() =>
    Promise.all(servers.map((server) => server.shutdown()))
  );
  if (await Promise.race([done, timeout]) === "timeout") {
    log.warn(`Aborting requests that did not finish within ${seconds} s`);
  }
  clearTimeout(timer);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
