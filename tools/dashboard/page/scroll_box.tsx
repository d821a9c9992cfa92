import type { ComponentChildren } from "preact";

interface ScrollBoxProps {
  /** What a screen reader calls it. */
  label: string;
  children: ComponentChildren;
  box?: (element: HTMLElement | null) => void;
  onScroll?: (event: Event) => void;
}

/** A region that scrolls by itself, which the keyboard must be able to reach. */
export function ScrollBox({ label, children, box, onScroll }: ScrollBoxProps) {
  return (
    <section
      class="scroll"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
      tabIndex={0}
      {...(box && { ref: box })}
      {...(onScroll && { onScroll })}
    >
      {children}
    </section>
  );
}
