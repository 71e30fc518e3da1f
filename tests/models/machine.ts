/** A machine in a temporary folder, for tests of discovery. */
import { dirname, join } from "node:path";
import {
  discover,
  type DiscoverOptions,
  modelSources,
} from "../../src/models/discovery/discover.ts";
import type { Discovery, SourceKind } from "../../src/models/entry/entry.ts";
import { buildModel } from "./build_gguf.ts";

const HOME = "home";
const CWD = "work";

/** A machine in a temporary folder, with its own home and working folder. */
export class Machine implements Disposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  write(path: string, content: string | Uint8Array): string {
    const full = this.path(path);
    Deno.mkdirSync(dirname(full), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(full, content);
    else Deno.writeFileSync(full, content);
    return full;
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.path(path));
  }

  link(target: string, path: string): void {
    const full = this.path(path);
    Deno.mkdirSync(dirname(full), { recursive: true });
    Deno.symlinkSync(target, full);
  }

  /** Discovers models, without the built-in model. */
  async discover(
    options: Omit<DiscoverOptions, "cacheFolder"> = {},
    env: Record<string, string> = {},
  ): Promise<Discovery> {
    const sources = modelSources({ ...options, cacheFolder: () => this.path("cache") }, {
      env: (name) => env[name],
      home: this.path(HOME),
      cwd: this.path(CWD),
      // The store of the Linux service is outside of the temporary folder.
      os: Deno.build.os === "linux" ? "darwin" : Deno.build.os,
    });
    const found = await discover(sources.filter(({ kind }) => kind !== "builtin"));
    return found;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** A model. Each seed gives different bytes. */
export function model(seed = 0): Uint8Array {
  return buildModel({ "test.seed": seed });
}

export function names(found: Discovery): string[] {
  return found.models.map((entry) => entry.name);
}

export function sources(found: Discovery): [string, SourceKind][] {
  return found.models.map((entry) => [entry.name, entry.source]);
}
