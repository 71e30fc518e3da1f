/**
 * Runs the Dockerfile's steps without a container engine, in folders made by `debootstrap`: each `RUN` in a
 * `chroot` with its own namespaces. The result is not an image; a folder replaces each layer. Commands,
 * files, settings and users are those of the Dockerfile.
 *
 * Requires root on Linux, `debootstrap` and util-linux.
 */
import { dirname, join } from "node:path";
import { parseDockerfile, type Settings, type Stage } from "./dockerfile.ts";

/** A root folder and the settings of a container with this root. */
export interface Image {
  readonly root: string;
  readonly settings: Settings;
}

/** Inputs and folders of a build. */
export interface BuildOptions {
  /** The repository: it contains the Dockerfile and is the context of the build. */
  readonly context: string;
  /** The folder for the stages; it is emptied first. */
  readonly into: string;
  /** A folder for the base system, which is kept for the next build. */
  readonly baseCache: string;
  /** Folders of the host that replace the build's cache mounts. */
  readonly caches: Readonly<Record<string, string>>;
  /** Files of the host that replace images: image to path in the image to file. */
  readonly files: (image: string) => Readonly<Record<string, string>> | null;
}

/** Builds the stages of a target. @throws {Error} if a step fails. */
export async function buildTarget(target: string, options: BuildOptions): Promise<Image> {
  const dockerfile = await Deno.readTextFile(join(options.context, "Dockerfile"));
  const stages = parseDockerfile(dockerfile);
  const built = new Map<string, Image>();
  await Deno.mkdir(options.into, { recursive: true });
  const build = async (name: string): Promise<Image> => {
    const known = built.get(name);
    if (known !== undefined) return known;
    const stage = stages.get(name);
    if (stage === undefined) throw new Error(`The Dockerfile has no stage ${name}`);
    const root = join(options.into, name);
    const base = stages.has(stage.base) ? await build(stage.base) : null;
    if (base === null) await layBase(stage.base, root, options);
    else await run(["cp", "-a", base.root, root]);
    const settings = merge(base?.settings, stage.settings);
    const image = { root, settings };
    for (const step of stage.steps) {
      if (step.type === "run") {
        await runInside(
          image,
          step.command,
          step.caches.map((path) => {
            const folder = options.caches[path];
            if (folder === undefined) throw new Error(`There is no folder for the cache ${path}`);
            return [folder, path] as const;
          }),
        );
      } else {
        const from = step.from === null ? null : await build(step.from);
        await copy(step.sources, step.target, { from, image, context: options.context });
        if (step.mode !== null) await Deno.chmod(join(root, step.target), step.mode);
      }
    }
    built.set(name, image);
    return image;
  };
  return await build(target);
}

/** A stage's settings merged with those of its base; ports and volumes are kept. */
function merge(base: Settings | undefined, own: Stage["settings"]): Settings {
  if (base === undefined) return own;
  return {
    ...base,
    ...own,
    env: { ...base.env, ...own.env },
    volumes: [...base.volumes, ...own.volumes],
    ports: [...base.ports, ...own.ports],
  };
}

async function layBase(image: string, root: string, options: BuildOptions): Promise<void> {
  const files = options.files(image);
  if (files !== null) {
    for (const [path, file] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.copyFile(file, join(root, path));
    }
    return;
  }
  const suite = /^debian:(\w+)-slim$/.exec(image)?.[1];
  if (suite === undefined) throw new Error(`There is nothing here that stands for ${image}`);
  const cached = join(options.baseCache, suite);
  if (await Deno.stat(cached).then(() => false, () => true)) {
    const partial = `${cached}.partial`;
    await Deno.remove(partial, { recursive: true }).catch(() => {});
    await Deno.mkdir(options.baseCache, { recursive: true });
    await run(["debootstrap", "--variant=minbase", suite, partial]);
    // The packages that debootstrap downloaded are no longer needed.
    await run(["chroot", partial, "apt-get", "clean"]);
    await Deno.rename(partial, cached);
  }
  await run(["cp", "-a", cached, root]);
}

async function copy(
  sources: readonly string[],
  target: string,
  { from, image, context }: {
    readonly from: Image | null;
    readonly image: Image;
    readonly context: string;
  },
): Promise<void> {
  const absolute = target.startsWith("/")
    ? target
    : `${join(image.settings.workdir ?? "/", target)}/`;
  const to = join(image.root, absolute);
  await Deno.mkdir(absolute.endsWith("/") ? to : dirname(to), { recursive: true });
  for (const source of sources) {
    if (source === ".") {
      const ignored = (await Deno.readTextFile(join(context, ".dockerignore"))).split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"));
      const excludes = ignored.map((name) => {
        if (/[*!/]/.test(name)) throw new Error(`.dockerignore: '${name}' is not a plain name`);
        return `--exclude=./${name}`;
      });
      const pipe = 'tar -C "$1" -c "${@:3}" . | tar -C "$2" -x';
      await run(["bash", "-o", "pipefail", "-c", pipe, "-", context, to, ...excludes]);
      continue;
    }
    const path = join(from?.root ?? context, source);
    const { isDirectory } = await Deno.stat(path);
    // COPY copies the content of a folder, not the folder.
    if (isDirectory) await Deno.mkdir(to, { recursive: true });
    await run(["cp", "-a", isDirectory ? `${path}/.` : path, to]);
    if (!isDirectory) await Deno.chown(await fileAt(to, source), 0, 0);
  }
}

async function fileAt(to: string, source: string): Promise<string> {
  const { isDirectory } = await Deno.stat(to);
  return isDirectory ? join(to, source.split("/").at(-1) ?? "") : to;
}

/** Mounts the file systems of every container in its own mount namespace. `$1` is the root. */
const MOUNTS = `
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/dev"
for device in null zero random urandom; do
  touch "$1/dev/$device"
  mount --bind "/dev/$device" "$1/dev/$device"
done
ln -s /proc/self/fd "$1/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
`;

/** Settings of the host for the downloads of a build: proxies and certificates. */
const NETWORK = /^(https?_proxy|no_proxy|npm_config_registry)$/i;

/** Runs a command of the build as root, with the network. @throws {Error} if it fails. */
export async function runInside(
  { root, settings }: Image,
  command: string,
  caches: readonly (readonly [folder: string, path: string])[] = [],
): Promise<void> {
  const env = Object.entries({
    ...Object.fromEntries(
      Object.entries(Deno.env.toObject()).filter(([name]) => NETWORK.test(name)),
    ),
    DENO_TLS_CA_STORE: "system,mozilla",
    SSL_CERT_FILE: "/tmp/certificates.pem",
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...settings.env,
  }).map(([name, value]) => `${name}=${value}`);
  const script = `set -e
${MOUNTS}
cat /etc/resolv.conf >"$1/tmp/resolv.conf"
touch "$1/etc/resolv.conf"
mount --bind "$1/tmp/resolv.conf" "$1/etc/resolv.conf"
! [ -f /etc/ssl/certs/ca-certificates.crt ] ||
  cp /etc/ssl/certs/ca-certificates.crt "$1/tmp/certificates.pem"
${
    caches.map((_, index) => {
      const [folder, path] = [`"\${${index * 2 + 3}}"`, `"$1\${${index * 2 + 4}}"`];
      return `mkdir -p ${path}; mount --bind ${folder} ${path}`;
    }).join("\n")
  }
cd /
exec chroot "$1" env -i -C "$2" ${env.map(quoted).join(" ")} /bin/sh -c ${quoted(command)}
`;
  const workdir = settings.workdir ?? "/";
  await Deno.mkdir(join(root, workdir), { recursive: true });
  await run([
    ...["unshare", "--mount", "--pid", "--fork", "--kill-child"],
    ...["bash", "-c", script, "-", root, workdir, ...caches.flat()],
  ]);
}

/** A running container. */
export interface Container extends AsyncDisposable {
  /** Runs a command in it as its user, with its settings. */
  exec(command: readonly string[]): Promise<Output>;
  /** Output so far. */
  readonly printed: { readonly text: string };
  /** Sends SIGTERM, and SIGKILL after ten seconds, as container engines do. @returns the exit status. */
  stop(): Promise<number>;
}

/** Output and exit status of a command. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts an image as `compose.yaml` does: as the image's user, without capabilities, on a read-only root,
 * with a loopback device as its only network.
 *
 * @param volumes folders of the host, by their paths in the container
 */
export async function startContainer(
  { root, settings }: Image,
  { command = settings.command ?? [], env = {}, volumes }: {
    readonly command?: readonly string[] | undefined;
    readonly env?: Readonly<Record<string, string>>;
    readonly volumes: Readonly<Record<string, string>>;
  },
): Promise<Container> {
  const [uid = "0", gid = uid] = (settings.user ?? "0").split(":");
  for (const path of Object.keys(volumes)) await Deno.mkdir(join(root, path), { recursive: true });
  const binds = Object.entries(volumes);
  const asUser = (words: readonly string[]) => [
    ...["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"],
    ...["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"],
    ...["env", "-i", "-C", settings.workdir ?? "/"],
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...Object.entries({ ...settings.env, ...env }).map(([name, value]) => `${name}=${value}`),
    ...words,
  ];
  const script = `set -e
${MOUNTS}
${
    binds.map((_, index) => `mount --bind "\${${index * 2 + 2}}" "$1\${${index * 2 + 3}}"`).join(
      "\n",
    )
  }
mount -o remount,bind,ro "$1"
ip link set lo up
cd /
exec chroot "$1" "\${@:${binds.length * 2 + 2}}"
`;
  const child = new Deno.Command("unshare", {
    args: [
      ...["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"],
      ...["bash", "-c", script, "-", root, ...binds.flatMap(([path, folder]) => [folder, path])],
      ...asUser([...settings.entrypoint ?? [], ...command]),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const printed = { text: "" };
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) printed.text += text;
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  let stopped: Promise<number> | undefined;
  const stop = () =>
    stopped ??= (async () => {
      const first = await firstProcess(child.pid);
      if (first !== null) kill(first, "SIGTERM");
      const timer = setTimeout(() => first !== null && kill(first, "SIGKILL"), 10_000);
      const { code } = await child.status;
      clearTimeout(timer);
      await reading;
      return code;
    })();
  return {
    printed,
    stop,
    exec: async (words) => {
      const first = await firstProcess(child.pid);
      if (first === null) throw new Error(`The container has ended: ${printed.text}`);
      const { code, stdout, stderr } = await new Deno.Command("nsenter", {
        args: [
          ...[`--target=${first}`, "--mount", "--net", "--pid", "--ipc", "--uts", "--root"],
          ...asUser(words),
        ],
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    },
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}

/** Process 1 of the namespace that `unshare` created, or `null` if it has ended. */
async function firstProcess(parent: number): Promise<number | null> {
  // Deno reads /proc only with all permissions.
  const args = [`/proc/${parent}/task/${parent}/children`];
  const { stdout } = await new Deno.Command("cat", { args, stderr: "null" }).output();
  const [first = ""] = new TextDecoder().decode(stdout).trim().split(" ");
  return first === "" ? null : Number(first);
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // The process has already ended.
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function run([program = "", ...args]: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  if (code === 0) return;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).slice(-4000);
  throw new Error(`${program} ended with status ${code}: ${text(stdout)}${text(stderr)}`);
}
