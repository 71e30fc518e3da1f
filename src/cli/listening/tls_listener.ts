import { fileReason, messageOf, ShimmyError } from "../../errors.ts";
import { checkRegularFile } from "../../regular_file.ts";
import { type ConnectionLimits, type Handler, type Listener, serveHttp } from "../../server/mod.ts";
import { type Address, UsageError } from "../options/mod.ts";
import { type Certificate, listen } from "./listen.ts";
import { listenAgain } from "./listen_again.ts";
import { type Log, watchFile } from "../serving/mod.ts";

/** Milliseconds that requests over WebSockets have to finish before the listener is replaced. */
const SOCKETS_MS = 30_000;

/** The files of a certificate. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * The files of `--tls-cert` and `--tls-key`; null without both.
 *
 * @throws {UsageError} when one of them is missing.
 */
export function certificateFiles(cert: string | null, key: string | null): CertificateFiles | null {
  if (cert === null && key === null) return null;
  if (key === null) throw new UsageError("--tls-cert: needs --tls-key, the private key");
  if (cert === null) throw new UsageError("--tls-key: needs --tls-cert, the certificate");
  return { cert, key };
}

export interface TlsOptions {
  readonly files: CertificateFiles;
  readonly limits?: ConnectionLimits;
  /** Creates a handler whose WebSockets close when the signal aborts. */
  readonly handlerFor: (replaced: AbortSignal) => Handler;
  /** Requests that run over WebSockets. */
  readonly socketAnswers: ReadonlySet<Promise<void>>;
  readonly log: Pick<Log, "info" | "warn">;
}

/**
 * Listens with TLS, and with the new certificate after the files have changed. `Deno.serve` cannot change
 * the certificate of a listener, so the listener is replaced: running requests finish on the old one, and
 * new connections are refused for some milliseconds. An invalid certificate changes nothing.
 *
 * @throws {ShimmyError} `backend` for files that cannot be used.
 */
export async function listenWithTls(address: Address, options: TlsOptions): Promise<Listener> {
  const tls = await read(options.files);
  await check(tls, options.files);
  const replaced = new AbortController();
  const first = await listen(address, options.handlerFor(replaced.signal), {
    tls,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  return new TlsListener(options, tls, first, replaced);
}

async function read({ cert, key }: CertificateFiles): Promise<Certificate> {
  const text = async (option: string, path: string) => {
    try {
      await checkRegularFile(path);
      return await Deno.readTextFile(path);
    } catch (error) {
      const message = `${option}: cannot read ${path}: ${fileReason(error)}`;
      throw new ShimmyError("backend", message, { cause: error });
    }
  };
  return { cert: await text("--tls-cert", cert), key: await text("--tls-key", key) };
}

class TlsListener implements Listener {
  readonly addr: Deno.NetAddr;
  readonly #options: TlsOptions;
  readonly #watches: readonly AsyncDisposable[];
  readonly #ending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #tls: Certificate;
  /** Null while the listener is replaced. */
  #current: Listener | null;
  #replaced: AbortController;
  #running: Promise<void> = Promise.resolve();

  constructor(options: TlsOptions, tls: Certificate, first: Listener, replaced: AbortController) {
    this.#options = options;
    this.#tls = tls;
    this.#current = first;
    this.#replaced = replaced;
    this.addr = first.addr as Deno.NetAddr;
    const { cert, key } = options.files;
    this.#watches = [cert, key].map((path) => watchFile(path, () => this.#reload()));
  }

  async shutdown(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#watches.map((watch) => watch[Symbol.asyncDispose]()));
    await this.#running;
    await Promise.all([this.#current?.shutdown(), ...this.#ending]);
  }

  /** Both files may change at the same time. */
  #reload(): Promise<void> {
    return this.#running = this.#running.then(() => this.#replace()).catch((error) =>
      this.#options.log.warn(`The certificate stays unchanged: ${messageOf(error)}`)
    );
  }

  async #replace(): Promise<void> {
    const { files, handlerFor, socketAnswers, log } = this.#options;
    const tls = await read(files);
    const isSame = tls.cert === this.#tls.cert && tls.key === this.#tls.key;
    if (isSame || this.#current === null || this.#closing.signal.aborted) return;
    await check(tls, files);
    this.#replaced.abort();
    await settled(socketAnswers);
    const ended = this.#current.shutdown();
    this.#current = null;
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
    this.#replaced = new AbortController();
    this.#tls = tls;
    this.#current = await this.#listenAgain(handlerFor(this.#replaced.signal), tls);
    if (this.#current !== null) log.info("The certificate has changed; new connections use it");
  }

  async #listenAgain(handler: Handler, tls: Certificate): Promise<Listener | null> {
    const { hostname, port } = this.addr;
    const { limits, log } = this.#options;
    const endpoint = { hostname, port, tls, ...(limits && { limits }) };
    return await listenAgain(() => serveHttp(endpoint, handler), {
      stopped: this.#closing.signal,
      waits: (error) =>
        log.warn(
          `No connections are accepted until port ${port} is free again: ${messageOf(error)}`,
        ),
    });
  }
}

/** @throws {ShimmyError} `backend`, with the files, for a certificate and a key that cannot be used. */
async function check(tls: Certificate, { cert, key }: CertificateFiles): Promise<void> {
  const handler = () => Promise.resolve(new Response());
  try {
    await serveHttp({ hostname: "127.0.0.1", port: 0, tls }, handler).shutdown();
  } catch (error) {
    const message = `Cannot use --tls-cert ${cert} with --tls-key ${key}: ${messageOf(error)}`;
    throw new ShimmyError("backend", message, { cause: error });
  }
}

/** Waits for requests over WebSockets, but not without end. */
async function settled(answers: ReadonlySet<Promise<void>>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, SOCKETS_MS));
  await Promise.race([Promise.all(answers), timeout]);
  clearTimeout(timer);
}
