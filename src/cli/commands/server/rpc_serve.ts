import { join } from "node:path";
import { cacheDirectory } from "../../../runtime/library/paths.ts";
import { command, type Environment, EXIT, interruptible } from "../../environment/mod.ts";
import { flag, formatAddress, isLoopback, parseAddress, text, texts } from "../../options/mod.ts";
import { downloadProgress, requireRpcBackend } from "../../sessions/mod.ts";

/** The port of llama.cpp's rpc-server. */
const DEFAULT_PORT = 50_052;

/** `rpc-serve`: offers the devices of this machine to other machines, until an interrupt. */
export default command({
  operands: [],
  options: {
    "bind": text("HOST:PORT", {
      help: `address to listen on; default 127.0.0.1:${DEFAULT_PORT}`,
    }),
    "device": texts("NAME", {
      help: "device to offer, as gpu-info lists it; default: all GPUs, or else the CPU",
    }),
    "cache": flag({
      help: "keep weights that were received on disk, so that the next load does not send them",
    }),
  },
  run: ({ values, globals }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const { output, env } = environment;
      const { hostname, ports: [port = DEFAULT_PORT] } = parseAddress(values.bind, DEFAULT_PORT);
      const [{ selectRuntime }, { serveWorkers }, { defaultThreads }] = await Promise.all([
        import("../../../runtime/mod.ts"),
        import("../../../rpc/serving/mod.ts"),
        import("../../../engine/mod.ts"),
      ]);
      const { runtime } = await selectRuntime(globals["gpu-backend"], {
        cacheDir: cacheDirectory(env),
        folder: env("SHIMMY_LIBLLAMA") || undefined,
        onProgress: downloadProgress(environment, (line) => output.note(line)),
        signal,
      });
      requireRpcBackend(runtime.folder, "rpc-serve");
      const key = globals["rpc-key"] === null
        ? null
        : await openKey(globals["rpc-key"], environment);
      const cacheFolder = values.cache ? join(cacheDirectory(env), "rpc") : null;
      if (cacheFolder !== null) await Deno.mkdir(cacheFolder, { recursive: true, mode: 0o700 });
      await using worker = await serveWorkers({
        hostname,
        port,
        server: {
          libraryFolder: runtime.folder,
          devices: values.device.flatMap((one) => one.split(",")),
          threads: globals.threads > 0 ? globals.threads : defaultThreads(),
          cacheFolder,
        },
        ...(key === null ? {} : { secure: key.secure }),
        notify: (line) => output.note(line),
      });
      if (key === null && !isLoopback(hostname)) {
        output.alert(
          "warning: RPC has no authentication and no encryption: whoever reaches this port can read what is " +
            "computed here, and may run code. Use --rpc-key, or a network in which you trust all machines",
        );
      }
      await output.print(formatAddress(worker.addr.hostname, worker.addr.port));
      if (!signal.aborted) {
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true })
        );
      }
      return EXIT.ok;
    }),
});

/** The key of `--rpc-key`, which is made if there is none. */
async function openKey(path: string, { output }: Environment) {
  const { ensureRpcKey, secureServer } = await import("../../../rpc/tunnel/mod.ts");
  const { bytes, isNew, warning } = await ensureRpcKey(path);
  if (isNew) output.note(`Made the key ${path}; copy it to the machines that use this worker`);
  if (warning !== null) output.alert(`warning: ${warning}`);
  return { secure: (connection: Deno.TcpConn) => secureServer(connection, bytes) };
}
