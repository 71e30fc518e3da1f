import { ShimmyError } from "../../src/errors.ts";
import { GGML_RPC_SYMBOLS } from "../generated/ggml_symbols.ts";
import type { Library } from "../library/library.ts";
import { cString, PointerArray, readCString } from "../memory/memory.ts";
import { deviceHandle } from "./backends.ts";

/**
 * Adds the devices of an RPC worker to those of the library. A worker that was added before is not added again.
 *
 * ggml ends the process if the worker cannot be reached or has another version of the protocol.
 *
 * @param address `IPv4:PORT`
 * @returns the names of its devices, e.g. `RPC0`
 * @throws {ShimmyError} `backend` if the libraries have no RPC backend, or the worker has no devices
 */
export function addRpcWorker(library: Library, address: string): string[] {
  const { ggml } = library;
  const registry = new Deno.UnsafeFnPointer(
    rpcFunction(library, "ggml_backend_rpc_add_server"),
    GGML_RPC_SYMBOLS.ggml_backend_rpc_add_server,
  ).call(cString(address));
  if (registry === null) throw new ShimmyError("backend", `Worker ${address} has no devices`);
  const count = Number(ggml.ggml_backend_reg_dev_count(registry));
  const names = Array.from({ length: count }, (_, index) => {
    const device = ggml.ggml_backend_reg_dev_get(registry, BigInt(index));
    return readCString(ggml.ggml_backend_dev_name(device)) ?? "";
  });
  const isKnown = names.some((name) => deviceHandle(library, name) !== null);
  if (!isKnown) ggml.ggml_backend_register(registry);
  return names;
}

/** Options of an RPC server. */
export interface RpcServerOptions {
  /** `IPv4:PORT` to listen on. */
  readonly address: string;
  /** Names of the devices that it offers. */
  readonly devices: readonly string[];
  /** Threads of the CPU backend. */
  readonly threads: number;
  /** Folder for large tensors that clients send, or null to keep none. */
  readonly cacheFolder: string | null;
}

/**
 * Serves devices to RPC clients, one after the other, in another thread. Resolves only if the server cannot
 * start or accept; ggml prints the reason.
 *
 * @throws {ShimmyError} `backend` if the libraries have no RPC backend; `invalid` for an unknown device
 */
export async function startRpcServer(library: Library, options: RpcServerOptions): Promise<void> {
  const serve = new Deno.UnsafeFnPointer(
    rpcFunction(library, "ggml_backend_rpc_start_server"),
    { ...GGML_RPC_SYMBOLS.ggml_backend_rpc_start_server, nonblocking: true },
  );
  const handles = options.devices.map((name) => {
    const handle = deviceHandle(library, name);
    if (handle === null) throw new ShimmyError("invalid", `Device '${name}' not found`);
    return handle;
  });
  const devices = new PointerArray(handles);
  // ggml reads these texts as long as the server runs.
  const endpoint = cString(options.address);
  const cache = options.cacheFolder === null ? null : cString(options.cacheFolder);
  const [threads, count] = [BigInt(options.threads), BigInt(handles.length)];
  await serve.call(endpoint, cache, threads, count, devices.bytes);
}

function rpcFunction<T>(
  { ggml }: Library,
  name: keyof typeof GGML_RPC_SYMBOLS,
): Deno.PointerObject<T> {
  const backend = ggml.ggml_backend_reg_by_name(cString("RPC"));
  const found = backend && ggml.ggml_backend_reg_get_proc_address(backend, cString(name));
  if (!found) throw new ShimmyError("backend", "The libraries have no RPC backend");
  return found as Deno.PointerObject<T>;
}
