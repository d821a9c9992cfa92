import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** "max" stands for no limit: containerd reports the largest number. */
const NO_LIMIT = 2n ** 64n - 1n;

/** A counter file's text; undefined when the controller or the file is absent. */
export function readCounterFile(folder: string | undefined, name: string): string | undefined {
  if (folder === undefined) return undefined;
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return undefined;
  }
}

/** A file of one number, or "max". 0 when it is absent. */
export function readCounter(folder: string | undefined, name: string): bigint {
  return parseCounter(readCounterFile(folder, name)?.trim());
}

/** A counter's text as a number: "max" is the largest, nothing is 0. */
export function parseCounter(text: string | undefined): bigint {
  if (text === "max") return NO_LIMIT;
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : 0n;
}

/** A file of lines "name number". Absent names read as 0. */
export function readNamed(folder: string | undefined, name: string): (key: string) => bigint {
  const values = new Map<string, bigint>();
  for (const line of readCounterFile(folder, name)?.split("\n") ?? []) {
    const [key, value] = line.split(" ");
    if (key && value !== undefined) values.set(key, parseCounter(value));
  }
  return (key) => values.get(key) ?? 0n;
}

/** The page sizes that a hugetlb folder has files for: "2MB", "1GB". */
export function hugePageSizes(folder: string | undefined): string[] {
  if (folder === undefined) return [];
  try {
    const sizes = readdirSync(folder).map((name) => name.match(/^hugetlb\.(\d+[KMG]B)\./)?.[1]);
    return [...new Set(sizes.filter((size) => size !== undefined))].sort();
  } catch {
    return [];
  }
}

/** Lines "device hca_handle=N hca_object=N" of rdma.current and rdma.max. */
export function readRdma(folder: string | undefined, name: string) {
  const entries: { device: string; hcaHandles: number; hcaObjects: number }[] = [];
  for (const line of readCounterFile(folder, name)?.split("\n") ?? []) {
    const [device, ...fields] = line.split(" ");
    if (!device || fields.length < 2) continue;
    const numbers = fields.map((field) => {
      const value = field.split("=")[1];
      return value === "max" ? 2 ** 32 - 1 : Number(value ?? 0);
    });
    entries.push({ device, hcaHandles: numbers[0] ?? 0, hcaObjects: numbers[1] ?? 0 });
  }
  return entries;
}
