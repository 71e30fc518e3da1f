/** Runs the systemd unit under systemd itself, in a container of `systemd-nspawn`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Image, runInside } from "../../scripts/packaging/image.ts";

const UNIT = fileURLToPath(new URL("../../packaging/systemd/shimmy.service", import.meta.url));
const TIMEOUT_SECONDS = 90;

/** What was seen of the service from inside the container. */
export interface Seen {
  /** The response of `/api/generate`. */
  readonly answer: string;
  readonly health: string;
  /** `/proc/<pid>/status` of the server. */
  readonly status: string;
  /** `systemctl show`, after the service was stopped. */
  readonly show: string;
  /** Files in the service's cache folder. */
  readonly state: string;
}

const ASK = `
const base = "http://127.0.0.1:11435";
for (let left = 100; left > 0; left--) {
  if (await fetch(base + "/health").then((response) => response.ok, () => false)) break;
  await new Promise((resolve) => setTimeout(resolve, 200));
}
const body = JSON.stringify({ prompt: "What is the capital of France?", temperature: 0 });
const headers = { "content-type": "application/json" };
const answer = await fetch(base + "/api/generate", { method: "POST", headers, body });
await Deno.writeTextFile("/seen/answer", await answer.text());
await Deno.writeTextFile("/seen/health", await (await fetch(base + "/health")).text());
`;

const PROBE = `#!/bin/bash
systemctl start shimmy
DENO_DIR=/tmp/deno deno run --no-config -A /seen/ask.js
cat "/proc/$(systemctl show --property MainPID --value shimmy)/status" >/seen/status
ls /var/cache/private/shimmy >/seen/state
systemctl stop shimmy
systemctl show shimmy --property Result,ExecMainStatus >/seen/show
journalctl --unit shimmy --no-pager >/seen/journal
systemctl poweroff
`;

const PROBE_UNIT = `[Unit]
After=multi-user.target
[Service]
ExecStart=/bin/bash /seen/probe.sh
[Install]
WantedBy=multi-user.target
`;

/** Installs systemd and the unit into an image's root folder, boots it, and looks at the service. */
export async function runUnderSystemd(image: Image): Promise<Seen> {
  const path = (...parts: string[]) => join(image.root, ...parts);
  await runInside(
    image,
    // The image's own user has the service's name, and would be used in place of a dynamic one.
    "userdel shimmy; apt-get update -qq && DEBIAN_FRONTEND=noninteractive " +
      "apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus",
  );
  await Deno.mkdir(path("etc", "shimmy"), { recursive: true });
  await Deno.mkdir(path("seen"), { recursive: true });
  const units = ["etc", "systemd", "system"];
  const library = image.settings.env.SHIMMY_LIBLLAMA ?? "";
  await Deno.copyFile(UNIT, path(...units, "shimmy.service"));
  await Deno.writeTextFile(path("etc", "shimmy", "shimmy.env"), `SHIMMY_LIBLLAMA=${library}\n`);
  await Deno.writeTextFile(path("seen", "ask.js"), ASK);
  await Deno.writeTextFile(path("seen", "probe.sh"), PROBE);
  await Deno.writeTextFile(path(...units, "probe.service"), PROBE_UNIT);
  const wanted = path(...units, "multi-user.target.wants");
  await Deno.mkdir(wanted, { recursive: true });
  await Deno.symlink("/etc/systemd/system/probe.service", join(wanted, "probe.service"));

  const { stdout, stderr } = await new Deno.Command("timeout", {
    args: [
      ...["--kill-after=5", String(TIMEOUT_SECONDS), "systemd-nspawn", "--quiet", "--boot"],
      ...["--register=no", "--keep-unit", "--private-network", `--directory=${image.root}`],
      `--machine=shimmy-${crypto.randomUUID().slice(0, 8)}`,
    ],
    stdin: "null",
  }).output();
  const read = async (name: string) => {
    try {
      return await Deno.readTextFile(path("seen", name));
    } catch {
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).slice(-3000);
      throw new Error(`The probe has not written ${name}: ${text(stdout)}${text(stderr)}`);
    }
  };
  return {
    answer: await read("answer"),
    health: await read("health"),
    status: await read("status"),
    show: await read("show"),
    state: await read("state"),
  };
}
