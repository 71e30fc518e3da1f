/** Milliseconds of the main thread for a frame above which the next frame is left to the user. */
const LONG_MS = 12;

/** What frames need of the browser. */
export interface FrameClock {
  readonly now: () => number;
  /** Calls back before the next frame. */
  readonly onFrame: (run: () => void) => void;
  /** Calls back after the present frame was laid out and painted. */
  readonly afterFrame: (run: () => void) => void;
}

/** Asks for frames of the screen, and leaves every second one out while a frame takes too long. */
export class FrameBudget {
  readonly #clock: FrameClock;
  #isLong = false;

  constructor(clock: FrameClock = browserClock()) {
    this.#clock = clock;
  }

  /** Runs work in the next frame, or in the one after it. */
  request(work: () => void): void {
    const { now, onFrame, afterFrame } = this.#clock;
    const run = () => {
      const began = now();
      work();
      afterFrame(() => this.#isLong = now() - began > LONG_MS);
    };
    onFrame(this.#isLong ? () => onFrame(run) : run);
  }
}

function browserClock(): FrameClock {
  // A message is delivered after the frame in which it was sent.
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return {
    now: () => performance.now(),
    onFrame: (run) => requestAnimationFrame(run),
    afterFrame: (run) => {
      waiting.push(run);
      port2.postMessage(null);
    },
  };
}
