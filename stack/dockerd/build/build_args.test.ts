import { expect, test } from "bun:test";
import { BuildArgs } from "./build_args.ts";

test("given values count where they are declared, and the environment before them", () => {
  const args = new BuildArgs(
    new Map([
      ["A", "given"],
      ["B", undefined],
      ["U", "unused"],
    ]),
  );
  args.declareGlobal("G", "global");
  expect(args.globals()).toEqual(["G=global"]);
  args.beginStage();
  expect(args.allowed([])).toEqual([]);
  args.declare("A", "default");
  args.declare("B", "own");
  args.declare("G", undefined);
  args.declare("N", undefined);
  expect(args.allowed([])).toEqual(["A=given", "B=own", "G=global"]);
  expect(args.allowed(["A=env"])).toEqual(["B=own", "G=global"]);
  args.beginStage();
  expect(args.allowed([])).toEqual([]);
  expect(args.unused()).toEqual(["U"]);
});

test("proxies need no declaration and are not remembered", () => {
  const args = new BuildArgs(new Map([["HTTP_PROXY", "p"]]));
  args.beginStage();
  expect(args.allowed([])).toEqual(["HTTP_PROXY=p"]);
  expect(args.remembered(["HTTP_PROXY=p"])).toEqual([]);
  args.declare("HTTP_PROXY", undefined);
  expect(args.remembered(["HTTP_PROXY=p"])).toEqual(["HTTP_PROXY=p"]);
  expect(args.unused()).toEqual([]);
});
