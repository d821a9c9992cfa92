// Reads the JUnit file that `bun test` writes.

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Takes a report's text. Returns its tests in order: `suite`, `name`, and `outcome`, which is
 * "passed", "failed" or "skipped".
 */
export function readJunit(text) {
  const tests = [];
  const cases = /<testcase\b([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g;
  for (const [, attributes, , body = ""] of text.matchAll(cases)) {
    let outcome = "passed";
    if (/<(failure|error)\b/.test(body)) outcome = "failed";
    else if (/<skipped\b/.test(body)) outcome = "skipped";
    const suite = attribute(attributes, "classname");
    tests.push({ suite, name: attribute(attributes, "name"), outcome });
  }
  return tests;
}

function attribute(text, name) {
  const value = text.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? "";
  return value.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, code) => {
    if (code.startsWith("#x")) return String.fromCodePoint(Number.parseInt(code.slice(2), 16));
    if (code.startsWith("#")) return String.fromCodePoint(Number(code.slice(1)));
    return ENTITIES[code] ?? whole;
  });
}
