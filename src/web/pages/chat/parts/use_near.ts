import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { liveAnswers } from "../state/mod.ts";

/** What to do when elements come near the visible part of the page. */
const nearby = new Map<Element, () => void>();

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) nearby.get(target)?.();
}, { rootMargin: "1000px" });

/** Elements that are rendered while the browser has nothing else to do; of longer chats, the last ones. */
const IDLE = 1_000;

/** Idle milliseconds that an element needs: a key or a frame must not wait for it. */
const LEAST_MS = 10;

/** Milliseconds after which idle time is looked for again, where there was none. */
const LATER_MS = 300;

/** Milliseconds between two elements where the browser does not tell when it is idle. */
const PAUSE_MS = 50;

/** Elements that may be rendered before they come near, the next one last. */
const waiting: Element[] = [];

let isAsked = false;

/** Calls a function when the browser is idle, with the milliseconds for which it is. */
const whenIdle: (run: (idle: Pick<IdleDeadline, "timeRemaining">) => void) => void =
  typeof requestIdleCallback === "function"
    ? requestIdleCallback
    // Safari has no such function: there, a pause is taken for idle time.
    : (run) => setTimeout(() => run({ timeRemaining: () => LEAST_MS }), PAUSE_MS);

/** Renders one element whenever the browser is idle, so that scrolling does not have to. */
function renderWhenIdle(): void {
  if (isAsked || waiting.length === 0) return;
  isAsked = true;
  whenIdle((deadline) => {
    isAsked = false;
    const isBusy = deadline.timeRemaining() < LEAST_MS || liveAnswers.peek().size > 0;
    if (isBusy) return void setTimeout(renderWhenIdle, LATER_MS);
    while (waiting.length > 0 && !nearby.has(waiting.at(-1)!)) waiting.pop();
    // The component is rendered after this function, so that it can take only one.
    const element = waiting.pop();
    if (element !== undefined) nearby.get(element)!();
    renderWhenIdle();
  });
}

/**
 * Whether an element has come near the visible part of the page, or its turn in idle time has come. From then
 * on it counts as near.
 */
export function useNear(element: RefObject<Element | null>, isAtOnce: boolean): Signal<boolean> {
  const isNear = useSignal(isAtOnce);
  useEffect(() => {
    if (isNear.peek()) return;
    const target = element.current!;
    const end = () => {
      nearby.delete(target);
      observer.unobserve(target);
    };
    nearby.set(target, () => {
      isNear.value = true;
      end();
    });
    observer.observe(target);
    waiting.push(target);
    if (waiting.length > IDLE) waiting.shift();
    renderWhenIdle();
    return end;
  }, []);
  return isNear;
}
