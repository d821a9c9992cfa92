import { expect, test } from "bun:test";
import { applyChanges } from "./dockerfile_changes.ts";

test("instructions change the configuration", () => {
  const config = applyChanges({ Env: ["A=0", "B=1"] }, [
    'CMD ["a", "b c"]',
    "ENTRYPOINT run it",
    'ENV A=1 C="x y"',
    "LABEL k=v",
    "EXPOSE 80 53/udp",
    "VOLUME /d",
    "WORKDIR /w",
    "USER app:grp",
  ]);
  expect(config).toMatchObject({
    Cmd: ["a", "b c"],
    Entrypoint: ["/bin/sh", "-c", "run it"],
    Env: ["B=1", "A=1", "C=x y"],
    Labels: { k: "v" },
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Volumes: { "/d": {} },
    WorkingDir: "/w",
    User: "app:grp",
  });
});

test("what is no change is refused", () => {
  expect(() => applyChanges({}, ["RUN ls"])).toThrow("RUN is not a valid change command");
  expect(() => applyChanges({}, ["CMD"])).toThrow("invalid change");
  expect(() => applyChanges({}, ["ENV A"])).toThrow("a name and a value");
});
