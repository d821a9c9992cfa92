import type { LiveState } from "./live_store.ts";
import { bytesText, countText } from "./plain_text.ts";
import { useTheme } from "./theme.ts";

/** What the host uses of itself, whether the page is live, and the theme. */
export function HostHeader({ live }: { live: LiveState }) {
  const { host, connected, containers } = live;
  const [theme, nextTheme] = useTheme();
  return (
    <header>
      <h1>Catena</h1>
      <p class="live" data-connected={connected} role="status">
        {connected ? "live" : "not connected: the numbers stand still"}
      </p>
      {host && (
        <dl class="host">
          <Figure name="containers" value={countText(containers.size)} />
          <Figure
            name="threads"
            value={`${countText(host.threads)}${
              host.threadsMax === null ? "" : ` of ${countText(host.threadsMax)}`
            }`}
          />
          <Figure
            name="memory free"
            value={`${bytesText(host.memoryAvailableBytes)} of ${bytesText(host.memoryTotalBytes)}`}
          />
          <Figure name="load" value={host.load1.toFixed(2)} />
        </dl>
      )}
      <button type="button" onClick={nextTheme}>
        Theme: {theme}
      </button>
    </header>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
