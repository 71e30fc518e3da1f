import type { PullEvent, PullPlan } from "../../models/pull/mod.ts";
import { bytes, displayWidth } from "../output/mod.ts";
import type { Output } from "../environment/mod.ts";

/** Milliseconds over which the rate is averaged. */
const WINDOW_MS = 5_000;
/** Minimum milliseconds between two lines when stderr is not a terminal. */
const LINE_MS = 10_000;
const BAR_WIDTH = 20;
const NAME_WIDTH = 28;

/** Shows the progress of a pull. */
export class PullProgress {
  readonly #output: Pick<Output, "progress" | "showsProgress">;
  readonly #notify: (line: string) => void;
  readonly #now: () => number;
  readonly #rates = new Map<string, Rate>();
  readonly #notified = new Set<string>();
  #line = { at: -Infinity, tenth: 0 };

  constructor(
    plan: PullPlan,
    output: Pick<Output, "progress" | "showsProgress">,
    notify: (line: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#notify = notify;
    this.#now = now;
    if (plan.files.every(({ present }) => present)) {
      notify(`${plan.reference} is already downloaded`);
    }
  }

  update(event: PullEvent): void {
    if (event.type === "finish") return;
    const { file: { name }, progress } = event;
    if (progress.phase === "wait") {
      this.#notifyOnce(`wait ${name}`, `Another process is downloading ${name}; waiting for it`);
    } else if (progress.phase === "check") {
      const share = percent(progress.bytes, progress.total);
      this.#output.progress(`Checking ${shortened(name)}${share === null ? "" : ` ${share} %`}`);
    } else this.#receive(name, progress.bytes, progress.total);
  }

  #receive(name: string, count: number, total: number | null): void {
    const now = this.#now();
    let rate = this.#rates.get(name);
    if (rate === undefined) {
      this.#rates.set(name, rate = new Rate());
      this.#line = { at: now, tenth: tenthOf(count, total) };
      const resumed = count > 0 ? `, continuing at ${bytes(count)}` : "";
      this.#notifyOnce(
        name,
        `Pulling ${name}${total === null ? "" : ` (${bytes(total)})`}${resumed}`,
      );
    }
    rate.add(now, count);
    if (this.#output.showsProgress) {
      this.#output.progress(bar(name, count, total, rate.perSecond));
      return;
    }
    const tenth = tenthOf(count, total);
    if (tenth <= this.#line.tenth || now - this.#line.at < LINE_MS) return;
    this.#line = { at: now, tenth };
    this.#notify(statusText(name, count, total, rate.perSecond));
  }

  #notifyOnce(key: string, line: string): void {
    if (this.#notified.has(key)) return;
    this.#notified.add(key);
    this.#notify(line);
  }
}

/** The transfer rate of the last few seconds. */
class Rate {
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  add(at: number, bytes: number): void {
    // A restarted download has fewer bytes than before.
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples = [];
    this.#samples.push({ at, bytes });
    const first = this.#samples.findIndex((sample) => at - sample.at <= WINDOW_MS);
    if (first > 0) this.#samples.splice(0, first);
    if (this.#samples.length > 512) this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
  }

  get perSecond(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < 500) return null;
    return (last.bytes - first.bytes) / (last.at - first.at) * 1000;
  }
}

function bar(name: string, count: number, total: number | null, rate: number | null): string {
  if (total === null) return statusText(shortened(name), count, total, rate);
  const filled = Math.round(BAR_WIDTH * (total === 0 ? 1 : count / total));
  const drawn = "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled);
  return statusText(`${shortened(name)} [${drawn}]`, count, total, rate);
}

/** Percentage, bytes, rate and remaining time, as far as they are known. */
function statusText(
  name: string,
  count: number,
  total: number | null,
  rate: number | null,
): string {
  const share = percent(count, total);
  const left = total === null || !rate ? null : (total - count) / rate;
  return [
    share === null ? `${name} ${bytes(count)}` : `${name} ${share} % of ${bytes(total!)}`,
    ...(rate === null ? [] : [`${bytes(Math.round(rate))}/s`]),
    ...(left === null ? [] : [`${duration(left)} left`]),
  ].join(", ");
}

function percent(count: number, total: number | null): number | null {
  return total === null || total === 0 ? null : Math.floor(count / total * 100);
}

function tenthOf(count: number, total: number | null): number {
  // For an unknown size, every 100 MB count as a tenth.
  return total === null ? Math.floor(count / 1e8) : Math.floor((percent(count, total) ?? 0) / 10);
}

/** Seconds as `1:05` or `2:00:00`. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours === 0
    ? `${minutes}:${two(whole % 60)}`
    : `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

/** A name cut to the width of its column. The end is kept, because it tells the shards of a model apart. */
function shortened(name: string): string {
  if (displayWidth(name) <= NAME_WIDTH) return name;
  const characters = [...name];
  while (displayWidth(characters.join("")) > NAME_WIDTH - 1) characters.shift();
  return `…${characters.join("")}`;
}
