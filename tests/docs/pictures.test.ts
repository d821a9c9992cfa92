import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT, sourceFiles } from "../tidy/source_files.ts";
import { drawCastPicture } from "./cast_picture.ts";
import { castFile, readCast } from "./terminal_cast.ts";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

test("the doctor's cast is one, tells the incident, and its picture is drawn of it", () => {
  const text = read("docs/pictures/doctor.cast");
  const cast = readCast(text);
  expect(castFile(cast)).toBe(text);
  let before = 0;
  for (const [at, kind] of cast.events) {
    expect(kind).toBe("o");
    expect(at).toBeGreaterThanOrEqual(before);
    before = at;
  }
  const shown = cast.events.map(([, , output]) => output).join("");
  for (const part of ["catena exec payments true", "pids-cgroup-full", "--rescue", "Threads:"]) {
    expect(shown).toContain(part);
  }
  expect(shown).not.toContain("catest");
  expect(drawCastPicture(cast)).toBe(read("docs/pictures/doctor.svg"));
});

test("a cast's picture wraps, colours and escapes", () => {
  const events: [number, "o", string][] = [
    [0.5, "o", "\x1b[31mr<d\x1b[0m plain\r\n"],
    [1, "o", "abcdefghijkl\n"],
  ];
  const svg = drawCastPicture({ size: { columns: 10, rows: 4 }, title: "a & b", events });
  expect(svg).toContain('class="r">r&lt;d</tspan>');
  expect(svg).toContain('aria-label="a &amp; b"');
  expect(svg.match(/<text /g)).toHaveLength(3);
  expect(svg).toContain("animation-delay:0.5s");
});

test("every picture that a document shows is there, with words for who does not see it", () => {
  const documents = sourceFiles().filter(({ path }) => path.endsWith(".md"));
  const shown = documents.flatMap(({ path, text }) => [
    ...[...text.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)].map((m) => [path, m[1]!, m[2]!] as const),
    ...[...text.matchAll(/<img src="([^"]+)" alt="([^"]*)"/g)].map(
      (m) => [path, m[2]!, m[1]!] as const,
    ),
  ]);
  expect(shown.length).toBeGreaterThan(3);
  for (const [path, words, picture] of shown) {
    expect([path, picture, existsSync(join(ROOT, dirname(path), picture))]).toEqual([
      path,
      picture,
      true,
    ]);
    expect(words.length).toBeGreaterThan(10);
  }
});
