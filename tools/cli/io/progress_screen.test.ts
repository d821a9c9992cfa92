import { expect, test } from "bun:test";
import { ProgressScreen } from "./progress_screen.ts";

function screen(isTTY: boolean) {
  const out = { text: "", isTTY, columns: 40, write: (text: string) => (out.text += text) };
  return { out, screen: new ProgressScreen(out) };
}

const MESSAGES = [
  { status: "Pulling from x", id: "1" },
  { status: "Downloading", id: "aaa", progressDetail: { current: 1, total: 2 }, progress: "[=>]" },
  { status: "Pull complete", id: "bbb", progressDetail: {} },
  { status: "Pull complete", id: "aaa", progressDetail: {} },
  { status: "Pull complete", id: "aaa", progressDetail: {} },
  { status: "Status: done" },
  { stream: "Step 1/1 : FROM x\n" },
];

test("a pipe gets a line for each change", () => {
  const { out, screen: plain } = screen(false);
  for (const message of MESSAGES) plain.show(message);
  expect(out.text).toBe(
    "1: Pulling from x\nbbb: Pull complete\naaa: Pull complete\nStatus: done\nStep 1/1 : FROM x\n",
  );
});

test("a terminal has one line a layer", () => {
  const { out, screen: drawn } = screen(true);
  for (const message of MESSAGES.slice(0, 4)) drawn.show(message);
  expect(out.text).toBe(
    "1: Pulling from x\naaa: Downloading [=>]\nbbb: Pull complete\n" +
      "\u001b[2A\r\u001b[2Kaaa: Pull complete\r\u001b[2B",
  );
});

test("what a registry sends cannot steer the terminal", () => {
  const { out, screen: plain } = screen(false);
  plain.show({ status: "a\u001b[2Jb" });
  expect(out.text).not.toContain("\u001b");
});
