import { join } from "node:path";
import { createHash } from "node:crypto";
import type { Asset, System } from "./library/mod.ts";

/** A folder that is removed at the end of the block. */
export interface TemporaryFolder extends Disposable {
  readonly path: string;
}

/** Makes an empty folder for a test. */
export function temporaryFolder(): TemporaryFolder {
  const path = Deno.makeTempDirSync({ prefix: "shimmy-runtime-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** File names of libllama on this system. */
export const LIBRARY_FILES = Deno.build.os === "windows"
  ? ["llama.dll", "ggml.dll", "ggml-base.dll"]
  : Deno.build.os === "darwin"
  ? ["libllama.dylib", "libggml.dylib", "libggml-base.dylib"]
  : ["libllama.so", "libggml.so", "libggml-base.so"];

/** Writes files with the names of libllama's files, and others. */
export function writeLibraries(folder: string, others: readonly string[] = []): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const name of [...LIBRARY_FILES, ...others]) {
    Deno.writeTextFileSync(join(folder, name), `content of ${name}`);
  }
}

/** Describes bytes as a release asset. */
export function assetOf(name: string, bytes: Uint8Array): Asset {
  return { name, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A `.tar.gz` of files and symbolic links, with a folder like that of the release. */
export async function tarGz(
  files: Readonly<Record<string, string | { readonly link: string }>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { packTar } = await import("test:modern-tar");
  const archive = await packTar(
    Object.entries(files).map(([name, content]) =>
      typeof content === "string"
        ? { header: { name, size: new TextEncoder().encode(content).length }, body: content }
        : { header: { name, size: 0, type: "symlink", linkname: content.link } }
    ),
  );
  const zipped = new Blob([archive]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}

/** A release archive with libraries for this system. */
export function libraryArchive(): Promise<Uint8Array<ArrayBuffer>> {
  return tarGz(Object.fromEntries(
    [...LIBRARY_FILES, "llama-server"].map((name) => [`llama-b1/${name}`, `content of ${name}`]),
  ));
}

/** A system whose library folders contain the named files. */
export function systemWith(...libraries: readonly string[]): System {
  return {
    os: "linux",
    env: () => undefined,
    list: (folder) => folder === "/usr/lib64" ? libraries : [],
  };
}

/** A web server on a free loopback port. */
export function serve(
  handler: (request: Request) => Response | Promise<Response>,
): { readonly base: string } & AsyncDisposable {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  return {
    base: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
