/**
 * Reads the part of the Dockerfile language that this project's Dockerfile uses. An instruction or a flag
 * outside that part is an error, so that no step is skipped unnoticed.
 */

/** A `RUN` instruction. */
export interface RunStep {
  readonly type: "run";
  readonly command: string;
  /** Folders that keep their content between builds. */
  readonly caches: readonly string[];
}

/** A `COPY` instruction. */
export interface CopyStep {
  readonly type: "copy";
  /** The stage to copy from; `null` is the build context. */
  readonly from: string | null;
  readonly sources: readonly string[];
  readonly target: string;
  readonly mode: number | null;
}

/** One stage: its base, its steps and the settings of its own. */
export interface Stage {
  readonly name: string;
  /** An image, or the name of an earlier stage. */
  readonly base: string;
  readonly steps: (RunStep | CopyStep)[];
  readonly settings: Settings;
}

/** Settings of a container. Settings that a stage lacks come from its base. */
export interface Settings {
  env: Record<string, string>;
  workdir?: string;
  user?: string;
  volumes: string[];
  ports: string[];
  entrypoint?: readonly string[];
  command?: readonly string[];
  /** `null`: none. */
  health?: readonly string[];
}

/** @throws {SyntaxError} for an instruction or a flag that this reader does not support. */
export function parseDockerfile(text: string): Map<string, Stage> {
  const stages = new Map<string, Stage>();
  const args = new Map<string, string>();
  let stage: Stage | null = null;
  for (const line of logicalLines(text)) {
    const [, keyword = "", rest = ""] = /^(\S+)\s+(.*)$/s.exec(line) ?? [];
    if (keyword === "ARG") {
      if (stage !== null) throw new SyntaxError("ARG: only before the first FROM");
      const [name = "", value = ""] = split(rest, "=");
      args.set(name, value);
    } else if (keyword === "FROM") {
      const [base = "", as, name = ""] = rest.split(/\s+/);
      if (as !== "AS") throw new SyntaxError(`FROM ${rest}: each stage needs a name`);
      const image = base.replace(/\$\{(\w+)\}/g, (_, variable) => {
        const value = args.get(variable);
        if (value === undefined) throw new SyntaxError(`FROM ${rest}: no ARG ${variable}`);
        return value;
      });
      stage = { name, base: image, steps: [], settings: { env: {}, volumes: [], ports: [] } };
      stages.set(name, stage);
    } else if (stage === null) {
      throw new SyntaxError(`${keyword}: comes before the first FROM`);
    } else {
      instruction(stage, keyword, rest);
    }
  }
  return stages;
}

function instruction({ steps, settings }: Stage, keyword: string, rest: string): void {
  switch (keyword) {
    case "RUN": {
      const { flags, rest: command } = readFlags(rest);
      const caches = flags.map(([flag, value]) => {
        const target = /^type=cache,target=([^,]+)$/.exec(value)?.[1];
        if (flag !== "mount" || target === undefined) throw new SyntaxError(`RUN --${flag}`);
        return target;
      });
      steps.push({ type: "run", command, caches });
      return;
    }
    case "COPY": {
      const { flags, rest: paths } = readFlags(rest);
      const known = new Map(flags);
      const unknown = [...known.keys()].find((flag) => flag !== "from" && flag !== "chmod");
      if (unknown !== undefined) throw new SyntaxError(`COPY --${unknown}`);
      const sources = paths.split(/\s+/);
      const target = sources.pop() ?? "";
      const mode = known.get("chmod");
      steps.push({
        type: "copy",
        from: known.get("from") ?? null,
        sources,
        target,
        mode: mode === undefined ? null : parseInt(mode, 8),
      });
      return;
    }
    case "ENV":
      for (const assignment of rest.split(/\s+/)) {
        const [name = "", value = ""] = split(assignment, "=");
        settings.env[name] = value;
      }
      return;
    case "WORKDIR":
      settings.workdir = rest;
      return;
    case "USER":
      settings.user = rest;
      return;
    case "VOLUME":
      settings.volumes.push(rest);
      return;
    case "EXPOSE":
      settings.ports.push(rest);
      return;
    case "HEALTHCHECK": {
      const command = /\sCMD\s+(\[.*\])$/s.exec(rest)?.[1];
      if (command === undefined) throw new SyntaxError("HEALTHCHECK: needs CMD with a JSON list");
      settings.health = JSON.parse(command);
      return;
    }
    case "ENTRYPOINT":
      settings.entrypoint = JSON.parse(rest);
      return;
    case "CMD":
      settings.command = JSON.parse(rest);
      return;
    default:
      throw new SyntaxError(`${keyword}: is not a known instruction`);
  }
}

/** Lines without comments, joined where they end with a backslash. */
function logicalLines(text: string): string[] {
  return text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n")
    .replaceAll(/\\\n\s*/g, "").split("\n").map((line) => line.trim()).filter(Boolean);
}

function readFlags(text: string): { flags: [string, string][]; rest: string } {
  const flags: [string, string][] = [];
  let rest = text;
  for (let match; (match = /^--([\w-]+)=(\S+)\s+/.exec(rest)); rest = rest.slice(match[0].length)) {
    flags.push([match[1]!, match[2]!]);
  }
  return { flags, rest };
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
