import { expect, test } from "bun:test";
import { TokenStore } from "./token_store.ts";

test("a token works once, and for a minute", () => {
  const store = new TokenStore<string>();
  const first = store.insert("a", 0)!;
  expect(store.consume(first, 59_999)).toBe("a");
  expect(store.consume(first, 59_999)).toBeUndefined();
  const late = store.insert("b", 0)!;
  expect(store.consume(late, 60_000)).toBeUndefined();
  expect(store.consume("guess", 0)).toBeUndefined();
});

test("no more than a thousand wait; expired ones make room", () => {
  const store = new TokenStore<number>();
  for (let i = 0; i < 1000; i++) expect(store.insert(i, 0)).toBeString();
  expect(store.insert(1000, 1)).toBeUndefined();
  expect(store.insert(1000, 60_000)).toBeString();
});
