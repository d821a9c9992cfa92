import { expect, test } from "bun:test";
import { prometheusText } from "./prometheus_text.ts";

test("metrics are written as the format asks, hostile labels included", () => {
  const text = prometheusText([
    {
      name: "container_threads",
      help: "a \\ and\nmore",
      type: "gauge",
      points: [
        { labels: { id: "/docker/a", name: 'x"} 1\ny \\' }, value: 12 },
        { labels: {}, value: 0.5 },
      ],
    },
    { name: "empty", help: "", type: "counter", points: [] },
  ]);
  expect(text).toBe(
    "# HELP container_threads a \\\\ and\\nmore\n" +
      "# TYPE container_threads gauge\n" +
      'container_threads{id="/docker/a",name="x\\"} 1\\ny \\\\"} 12\n' +
      "container_threads 0.5\n",
  );
});
