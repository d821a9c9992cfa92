import type { DeviceRuleConfig } from "./cgroup_config.ts";

/**
 * What a list of device rules amounts to: everything is allowed but the exceptions, or nothing is
 * but them. The kernel's v1 controller keeps the same, and both hierarchies are written from it.
 */
export interface DevicePolicy {
  allowByDefault: boolean;
  /** Access letters by "c 1:3"; major and minor may be "*". */
  exceptions: Map<string, Set<string>>;
}

const WILDCARD = "a".charCodeAt(0);
const number = (value: number) => (value < 0 ? "*" : String(value));

/** Folds rules, oldest first, into a policy; it starts with nothing allowed. */
export function devicePolicy(rules: readonly DeviceRuleConfig[]): DevicePolicy {
  const policy: DevicePolicy = { allowByDefault: false, exceptions: new Map() };
  for (const rule of rules) {
    if (rule.type === WILDCARD) {
      policy.allowByDefault = rule.allow;
      policy.exceptions.clear();
      continue;
    }
    const key = `${String.fromCharCode(rule.type)} ${number(rule.major)}:${number(rule.minor)}`;
    const letters = policy.exceptions.get(key) ?? new Set<string>();
    for (const letter of rule.permissions) {
      if (rule.allow !== policy.allowByDefault) letters.add(letter);
      else letters.delete(letter);
    }
    if (letters.size > 0) policy.exceptions.set(key, letters);
    else policy.exceptions.delete(key);
  }
  return policy;
}

/** Reads the text of a v1 devices.list, which holds allowed devices only. */
export function parseDeviceList(text: string): DevicePolicy {
  const policy: DevicePolicy = { allowByDefault: false, exceptions: new Map() };
  for (const line of text.split("\n")) {
    const [type, device, access] = line.split(" ");
    if (!type || !device || !access) continue;
    if (type === "a") return { allowByDefault: true, exceptions: new Map() };
    policy.exceptions.set(`${type} ${device}`, new Set(access));
  }
  return policy;
}

const accessText = (letters: Iterable<string>) => {
  const set = new Set(letters);
  return ["r", "w", "m"].filter((letter) => set.has(letter)).join("");
};

/**
 * The lines to write, in order, so that a v1 cgroup goes from one policy to another without ever
 * being more open than both.
 */
export function deviceTransition(
  from: DevicePolicy,
  to: DevicePolicy,
): { file: "devices.allow" | "devices.deny"; line: string }[] {
  const lines: { file: "devices.allow" | "devices.deny"; line: string }[] = [];
  let held = from.exceptions;
  // devices.list does not show what an open cgroup denies: start it afresh.
  if (from.allowByDefault !== to.allowByDefault || to.allowByDefault) {
    lines.push({ file: to.allowByDefault ? "devices.allow" : "devices.deny", line: "a" });
    held = new Map();
  }
  const add = to.allowByDefault ? "devices.deny" : "devices.allow";
  const drop = to.allowByDefault ? "devices.allow" : "devices.deny";
  for (const [key, letters] of held) {
    const extra = accessText([...letters].filter((letter) => !to.exceptions.get(key)?.has(letter)));
    if (extra !== "") lines.push({ file: drop, line: `${key} ${extra}` });
  }
  for (const [key, letters] of to.exceptions) {
    const missing = accessText([...letters].filter((letter) => !held.get(key)?.has(letter)));
    if (missing !== "") lines.push({ file: add, line: `${key} ${missing}` });
  }
  return lines;
}

/**
 * Whether two policies allow the same. Exceptions of an open one are not compared: v1 hides them.
 */
export function samePolicy(a: DevicePolicy, b: DevicePolicy): boolean {
  if (a.allowByDefault !== b.allowByDefault) return false;
  if (a.allowByDefault) return true;
  if (a.exceptions.size !== b.exceptions.size) return false;
  for (const [key, letters] of a.exceptions) {
    if (accessText(letters) !== accessText(b.exceptions.get(key) ?? [])) return false;
  }
  return true;
}
