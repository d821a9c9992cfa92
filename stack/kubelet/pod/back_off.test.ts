import { expect, test } from "bun:test";
import { BackOff, RESTART_BACK_OFF } from "./back_off.ts";

test("the first failure is retried at once, then 10 s doubling to 5 min", () => {
  const backOff = new BackOff(RESTART_BACK_OFF);
  let now = 0;
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const wait = backOff.remainingMs("a", now, now);
    waits.push(wait / 1000);
    now += wait;
    backOff.next("a", now);
  }
  expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
});

test("who was well for ten minutes begins anew", () => {
  const backOff = new BackOff(RESTART_BACK_OFF);
  backOff.next("a", 0);
  backOff.next("a", 10_000);
  expect(backOff.remainingMs("a", 20_000, 20_000)).toBe(20_000);
  expect(backOff.remainingMs("a", 700_000, 700_000)).toBe(0);
  backOff.next("a", 700_000);
  expect(backOff.delayMs("a")).toBe(10_000);
});

test("forget takes the keys of one pod", () => {
  const backOff = new BackOff(RESTART_BACK_OFF);
  backOff.next("pod1/a", 0);
  backOff.next("pod2/a", 0);
  backOff.forget("pod1/");
  expect(backOff.delayMs("pod1/a")).toBe(0);
  expect(backOff.delayMs("pod2/a")).toBe(10_000);
});
