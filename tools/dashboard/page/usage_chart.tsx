import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { durationText } from "#tools/monitor/duration_text.ts";

interface ChartProps {
  title: string;
  timesMs: number[];
  values: number[];
  limit: number | null;
  /** Seconds from the last point until the limit. */
  forecastSeconds: number | null;
  text: (value: number) => string;
}

const HEIGHT = 220;
/** The future takes at most this share of the past's width. */
const FUTURE_SHARE = 0.9;

/** A figure over time, with its limit as a line and the forecast as a dashed one. */
export function UsageChart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(options(place.current!, latest.current), chartData(latest.current));
      place.current!.append(chart.current.root);
    };
    const resize = new ResizeObserver(([entry]) => {
      chart.current?.setSize({ width: entry!.contentRect.width, height: HEIGHT });
    });
    make();
    resize.observe(place.current!);
    // Colours are read when it is made.
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", make);
    scheme.addEventListener("change", make);
    return () => {
      resize.disconnect();
      removeEventListener("themechange", make);
      scheme.removeEventListener("change", make);
      chart.current?.destroy();
    };
  }, []);
  useEffect(() => chart.current?.setData(chartData(props)), [props]);
  return (
    <figure>
      <figcaption>{props.title}</figcaption>
      <div ref={place} class="chart" role="img" aria-label={summary(props)} />
    </figure>
  );
}

/** The same in words, for whoever does not see it. */
function summary({ title, timesMs, values, limit, forecastSeconds, text }: ChartProps): string {
  const first = text(values[0] ?? 0);
  const last = text(values.at(-1) ?? 0);
  const spanSeconds = ((timesMs.at(-1) ?? 0) - (timesMs[0] ?? 0)) / 1000;
  const most = text(values.reduce((one, other) => Math.max(one, other), 0));
  const parts = [
    `${title}: ${first} to ${last} within ${durationText(spanSeconds)}, ${most} at most`,
  ];
  parts.push(limit === null ? "no limit" : `limit ${text(limit)}`);
  if (forecastSeconds !== null && forecastSeconds > 0) {
    parts.push(`forecast: the limit is met in ${durationText(forecastSeconds)}`);
  } else if (limit !== null) {
    parts.push("no forecast");
  }
  return parts.join("; ");
}

/** Columns of the chart: time in seconds, the figure, the limit, the forecast. */
function chartData({ timesMs, values, limit, forecastSeconds }: ChartProps): uPlot.AlignedData {
  const times = timesMs.map((ms) => ms / 1000);
  const figures: (number | null)[] = [...values];
  const forecast: (number | null)[] = values.map(() => null);
  const last = times.at(-1)!;
  if (limit !== null && forecastSeconds !== null && forecastSeconds > 0) {
    const room = Math.max(1, (last - times[0]!) * FUTURE_SHARE);
    const ahead = Math.min(forecastSeconds, room);
    const value = values.at(-1)!;
    forecast[forecast.length - 1] = value;
    times.push(last + ahead);
    figures.push(null);
    forecast.push(value + (limit - value) * (ahead / forecastSeconds));
  }
  return [times, figures, times.map(() => limit), forecast];
}

function options(place: HTMLElement, { text }: ChartProps): uPlot.Options {
  const colour = (name: string) => resolveColour(place, name);
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 } };
  return {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // From nothing up to the limit: how much room is left is what is looked for.
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
    },
    axes: [axis, { ...axis, size: 76, values: (_, ticks) => ticks.map((tick) => text(tick)) }],
    series: [
      {},
      {
        stroke: colour("--accent"),
        fill: colour("--accent-soft"),
        width: 2,
        points: { show: false },
      },
      { stroke: colour("--bad"), width: 1.5, points: { show: false } },
      { stroke: colour("--warn"), width: 2, dash: [6, 4], spanGaps: true, points: { show: false } },
    ],
  };
}

/** A canvas takes no variable: the browser resolves it as some element's colour. */
function resolveColour(place: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
