/** One thing that may differ between two documents, and why that is no fault. */
export interface DocumentRule {
  /** Matched against the place: keys joined by dots, `[]` for any element of a list. */
  place: RegExp;
  /**
   * `kind`: values of one kind (text, number, …); `any`: whatever it is; `order`: of a list;
   * `ours`, `theirs`: only one of the two may have the key.
   */
  may: "kind" | "any" | "order" | "ours" | "theirs";
  why: string;
}

/** What is in one document and not in the other, a line each with its place; empty when equal. */
export function documentDifference(
  theirs: unknown,
  ours: unknown,
  rules: readonly DocumentRule[],
): string[] {
  const found: string[] = [];
  compare("", theirs, ours, { rules, found });
  return found;
}

interface Comparison {
  rules: readonly DocumentRule[];
  found: string[];
}

function compare(place: string, theirs: unknown, ours: unknown, to: Comparison): void {
  const may = to.rules.filter((rule) => rule.place.test(place)).map((rule) => rule.may);
  if (may.includes("any")) return;
  const [left, right] = [kindOf(theirs), kindOf(ours)];
  if (left !== right) {
    to.found.push(`${place}: ${text(theirs)} there, ${text(ours)} in ours`);
  } else if (left === "object") {
    compareKeys(place, theirs as object, ours as object, to);
  } else if (left === "list") {
    const [some, others] = [theirs, ours].map((list) =>
      may.includes("order") ? byText(list as unknown[]) : (list as unknown[]),
    );
    compareLists(place, some!, others!, to);
  } else if (theirs !== ours && !may.includes("kind")) {
    to.found.push(`${place}: ${text(theirs)} there, ${text(ours)} in ours`);
  }
}

function compareKeys(place: string, theirs: object, ours: object, to: Comparison): void {
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const at = place === "" ? key : `${place}.${key}`;
    const allowed = (may: DocumentRule["may"]) =>
      to.rules.some((rule) => rule.may === may && rule.place.test(at));
    const [left, right] = [valueAt(theirs, key), valueAt(ours, key)];
    if (!(key in theirs)) {
      if (!allowed("ours")) to.found.push(`${at}: absent there, ${text(right)} in ours`);
    } else if (!(key in ours)) {
      if (!allowed("theirs")) to.found.push(`${at}: ${text(left)} there, absent in ours`);
    } else {
      compare(at, left, right, to);
    }
  }
}

const valueAt = (object: object, key: string) => (object as Record<string, unknown>)[key];

function compareLists(place: string, theirs: unknown[], ours: unknown[], to: Comparison): void {
  if (theirs.length !== ours.length) {
    to.found.push(`${place}: ${text(theirs)} there, ${text(ours)} in ours`);
    return;
  }
  for (const [index, item] of theirs.entries()) compare(`${place}[]`, item, ours[index], to);
}

const byText = (list: unknown[]) =>
  list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

const text = (value: unknown) => JSON.stringify(value)?.slice(0, 400) ?? "nothing";
