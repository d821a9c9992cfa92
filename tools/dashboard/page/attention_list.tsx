import type { ContainerRow, NextLimit } from "../model.ts";
import { bytesText, countText, forecastText, plainName } from "./plain_text.ts";
import { routeTo } from "./route.ts";

/** From this share of a limit on, a container is told of without a forecast. */
const NEAR = 0.9;
const MAX_SHOWN = 8;
const WORDS = { pids: "threads", memory: "memory", descriptors: "open files" } as const;

/** Containers at a limit, or on their way to one within the hour; the worst first. */
export function AttentionList({ containers }: { containers: ReadonlyMap<string, ContainerRow> }) {
  const worst = [...containers.values()]
    .filter(({ danger }) => danger >= NEAR)
    .sort((left, right) => right.danger - left.danger);
  if (worst.length === 0) return null;
  return (
    <section aria-labelledby="attention-title" class="attention">
      <h2 id="attention-title" tabIndex={-1}>
        Needs attention
      </h2>
      <p class="unseen" role="status">
        {worst.length === 1 ? "1 container" : `${worst.length} containers`} at or near a limit
      </p>
      <ul>
        {worst.slice(0, MAX_SHOWN).map((row) => (
          <li key={row.key} data-full={row.danger >= 2}>
            <a href={routeTo("container", row.key)}>{plainName(row.name)}</a>{" "}
            {row.next && sentence(row.next)}
          </li>
        ))}
      </ul>
      {worst.length > MAX_SHOWN && <p>and {worst.length - MAX_SHOWN} more in the table below</p>}
    </section>
  );
}

/** What is used of the limit, and when it will be met. */
export function sentence(next: NextLimit): string {
  const { resource, used, limit, share, seconds, earliest, latest } = next;
  const number = resource === "memory" ? bytesText : countText;
  const has = `has ${number(used)} of ${number(limit)} ${WORDS[resource]}`;
  if (share >= 1) return `${has}: the limit is met, what needs more is refused`;
  if (seconds === null) return `${has}; no forecast: the count does not rise`;
  return `${has} and rises: the limit is met ${forecastText(seconds, earliest, latest)}`;
}
