import { ShimmyError } from "../../src/errors.ts";
import { GGML_CPU_SYMBOLS } from "../generated/ggml_symbols.ts";
import { GgmlThreadpoolParams } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { cString } from "../memory/memory.ts";

/** Options of a thread pool. */
export interface ThreadPoolOptions {
  readonly threads: number;
  /** Polling level before a thread sleeps, 0 to 100. Default of ggml: 50. */
  readonly poll?: number;
}

/** A thread pool of the CPU backend, to attach to contexts. Close it after the contexts. */
export class ThreadPool implements Disposable {
  #handle: Deno.PointerValue;
  readonly #free: (pool: Deno.PointerValue) => void;

  private constructor(handle: Deno.PointerObject, free: (pool: Deno.PointerValue) => void) {
    this.#handle = handle;
    this.#free = free;
  }

  /**
   * Starts the threads.
   *
   * @throws {ShimmyError} `backend` if the CPU backend is not loaded or the threads cannot be
   * started
   */
  static create(library: Library, options: ThreadPoolOptions): ThreadPool {
    const create = new Deno.UnsafeFnPointer(
      cpuFunction(library, "ggml_threadpool_new"),
      GGML_CPU_SYMBOLS.ggml_threadpool_new,
    );
    const free = new Deno.UnsafeFnPointer(
      cpuFunction(library, "ggml_threadpool_free"),
      GGML_CPU_SYMBOLS.ggml_threadpool_free,
    );
    const params = new GgmlThreadpoolParams();
    library.ggml.ggml_threadpool_params_init(params.bytes, options.threads);
    if (options.poll !== undefined) params.poll = options.poll;
    const handle = create.call(params.bytes);
    if (handle === null) {
      throw new ShimmyError("backend", `Cannot start ${options.threads} threads for decoding`);
    }
    return new ThreadPool(handle, (pool) => free.call(pool));
  }

  /** The `ggml_threadpool_t`. @throws {ShimmyError} after {@linkcode ThreadPool.close} */
  get handle(): Deno.PointerObject {
    if (this.#handle === null) {
      throw new ShimmyError("backend", "Cannot use the thread pool: it is closed");
    }
    return this.#handle;
  }

  /** Stops the threads. Idempotent. */
  close(): void {
    if (this.#handle === null) return;
    this.#free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Functions of the CPU backend are looked up at run time, because there is one library per CPU
 * type.
 */
function cpuFunction<T>(
  library: Library,
  name: keyof typeof GGML_CPU_SYMBOLS,
): Deno.PointerObject<T> {
  const { ggml } = library;
  const backend = ggml.ggml_backend_reg_by_name(cString("CPU"));
  const found = backend && ggml.ggml_backend_reg_get_proc_address(backend, cString(name));
  if (!found) {
    throw new ShimmyError("backend", `Cannot find ${name}: the CPU backend is not loaded`);
  }
  return found as Deno.PointerObject<T>;
}
