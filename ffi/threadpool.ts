import { GGML_BACKEND_DEV_TYPE } from "./generated/enums.ts";
import { GgmlThreadpoolParams } from "./generated/structs.ts";
import type { Library } from "./library.ts";
import { cString } from "./memory.ts";

/**
 * A persistent pool of native threads, so that computing a step does not start any.
 *
 * The functions live in the CPU backend, which is loaded at run time; they are reached through the
 * backend's registry.
 */
export class ThreadPool implements Disposable {
  readonly #free: (handle: Deno.PointerValue) => void;
  #handle: Deno.PointerValue;

  private constructor(handle: Deno.PointerObject, free: (handle: Deno.PointerValue) => void) {
    this.#handle = handle;
    this.#free = free;
  }

  /** @returns null where the CPU backend offers no pools. */
  static create(library: Library, threads: number): ThreadPool | null {
    const { ggml } = library;
    const device = ggml.ggml_backend_dev_by_type(GGML_BACKEND_DEV_TYPE.CPU);
    if (device === null) return null;
    const registry = ggml.ggml_backend_dev_backend_reg(device);
    const find = (name: string) =>
      ggml.ggml_backend_reg_get_proc_address(registry, cString(name)) as Deno.PointerObject | null;
    const create = find("ggml_threadpool_new");
    const free = find("ggml_threadpool_free");
    if (create === null || free === null) return null;
    const parameters = new GgmlThreadpoolParams();
    ggml.ggml_threadpool_params_init(parameters.bytes, threads);
    const handle = new Deno.UnsafeFnPointer(
      create as Deno.PointerObject<{ parameters: ["buffer"]; result: "pointer" }>,
      { parameters: ["buffer"], result: "pointer" },
    ).call(parameters.bytes);
    if (handle === null) return null;
    const freePool = new Deno.UnsafeFnPointer(
      free as Deno.PointerObject<{ parameters: ["pointer"]; result: "void" }>,
      { parameters: ["pointer"], result: "void" },
    );
    return new ThreadPool(handle, (pool) => freePool.call(pool));
  }

  /** @internal */
  get handle(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot use the thread pool: it is closed");
    return this.#handle;
  }

  close(): void {
    if (this.#handle === null) return;
    this.#free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
