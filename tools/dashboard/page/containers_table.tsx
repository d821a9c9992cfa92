import { memo } from "preact/compat";
import { useMemo, useState } from "preact/hooks";
import type { ContainerRow } from "../model.ts";
import { sentence } from "./attention_list.tsx";
import { bytesText, countText, plainName } from "./plain_text.ts";
import { routeTo } from "./route.ts";
import { ROW_HEIGHT, useRowWindow } from "./row_window.ts";
import { ScrollBox } from "./scroll_box.tsx";

const HEADS = [
  "Container",
  "Threads",
  "Memory",
  "Open files",
  "CPU",
  "Most threads",
  "Refused, killed",
];

/** All containers against their limits, the most endangered first. */
export function ContainersTable({ containers }: { containers: ReadonlyMap<string, ContainerRow> }) {
  const [filter, setFilter] = useState("");
  const rows = useMemo(() => {
    const word = filter.trim().toLowerCase();
    const matches = ({ name, image, id }: ContainerRow) =>
      word === "" || `${name} ${image} ${id}`.toLowerCase().includes(word);
    return [...containers.values()].filter(matches).sort(byDanger);
  }, [containers, filter]);
  const { from, to, box, onScroll } = useRowWindow(rows.length);
  return (
    <section aria-labelledby="containers-title">
      <h2 id="containers-title" tabIndex={-1}>
        Containers
      </h2>
      <p>
        <label>
          Filter{" "}
          <input
            type="search"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>{" "}
        {rows.length} of {containers.size}, the nearest to a limit first
      </p>
      <ScrollBox label="Containers, table" box={box} onScroll={onScroll}>
        <table class="containers" aria-rowcount={rows.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {HEADS.map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Gap rows={from} />
            {rows.slice(from, to).map((row, index) => (
              <Row key={row.key} row={row} place={from + index + 2} />
            ))}
            <Gap rows={rows.length - to} />
          </tbody>
        </table>
      </ScrollBox>
    </section>
  );
}

/** Danger is told in steps, so that rows do not change places with each breath of a count. */
function byDanger(left: ContainerRow, right: ContainerRow): number {
  const step = (row: ContainerRow) => Math.round(row.danger * 50);
  return (
    step(right) - step(left) ||
    left.name.localeCompare(right.name) ||
    (left.key < right.key ? -1 : 1)
  );
}

/** Room for rows that are not drawn. */
function Gap({ rows }: { rows: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="gap">
      <td colSpan={HEADS.length} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}

const Row = memo(function Row({ row, place }: { row: ContainerRow; place: number }) {
  const [most] = row.byName;
  return (
    <tr
      aria-rowindex={place}
      data-danger={row.danger >= 2 ? "full" : row.danger >= 0.9 ? "near" : "none"}
    >
      <th scope="row">
        <a href={routeTo("container", row.key)}>{plainName(row.name, 48)}</a>
        {row.danger >= 0.9 && row.next && <span class="unseen"> {sentence(row.next)}</span>}
        <small>{plainName(row.image === "" ? row.namespace : row.image, 48)}</small>
      </th>
      <Usage used={row.threads} limit={row.threadsMax} text={countText} />
      <Usage used={row.memoryBytes} limit={row.memoryMaxBytes} text={bytesText} />
      <Usage used={row.descriptors} limit={row.descriptorsMax} text={countText} />
      <td>{(row.cpu * 100).toFixed(1)} %</td>
      <td>{most ? `${plainName(most[0], 24)} ${most[1]}` : ""}</td>
      <td>
        {row.forksRefused > 0 && <span class="bad">{countText(row.forksRefused)} forks </span>}
        {row.oomKills > 0 && <span class="bad">{countText(row.oomKills)} OOM kills</span>}
      </td>
    </tr>
  );
});

interface UsageProps {
  used: number;
  limit: number | null;
  text: (value: number) => string;
}

function Usage({ used, limit, text }: UsageProps) {
  if (limit === null) return <td>{text(used)}</td>;
  return (
    <td>
      {text(used)} <span class="of">of {text(limit)}</span>
      <span class="bar" aria-hidden="true">
        <span
          class="filled"
          style={{ width: `${Math.min(100, (used / Math.max(1, limit)) * 100)}%` }}
        />
      </span>
    </td>
  );
}
