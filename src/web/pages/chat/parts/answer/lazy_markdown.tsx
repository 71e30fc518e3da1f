import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Markdown } from "../../../../markdown/mod.ts";

/** What to do when elements come near the visible part of the page. */
const nearby = new Map<Element, () => void>();

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) nearby.get(target)?.();
}, { rootMargin: "1000px" });

/** A text that becomes Markdown when it grows, or when it comes near the visible part of the page. */
export function LazyMarkdown({ text, isGrowing = false }: {
  readonly text: string;
  readonly isGrowing?: boolean;
}) {
  const element = useRef<HTMLDivElement>(null);
  const isNear = useSignal(isGrowing);
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
    return end;
  }, []);
  return (
    <div ref={element}>
      {isNear.value
        ? <Markdown text={text} isGrowing={isGrowing} />
        : <div class="plain">{text}</div>}
    </div>
  );
}
