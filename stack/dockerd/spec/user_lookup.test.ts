import { expect, test } from "bun:test";
import { resolveUser } from "./user_lookup.ts";

const files = {
  passwd: "root:x:0:0:root:/root:/bin/sh\n# comment\napp:x:100:101::/home/app:/bin/sh\n",
  group: "root:x:0:\nwheel:x:10:root,app\napp:x:101:\n",
};

test("names, numbers and groups as the container lists them", () => {
  expect(resolveUser("", files)).toEqual({ uid: 0, gid: 0, additionalGids: [10], home: "/root" });
  expect(resolveUser("app", files)).toMatchObject({ uid: 100, gid: 101, additionalGids: [10] });
  expect(resolveUser("100", files)).toMatchObject({ uid: 100, gid: 101 });
  expect(resolveUser("app:wheel", files)).toMatchObject({ gid: 10, additionalGids: [] });
  expect(resolveUser("4321:5", files)).toMatchObject({ uid: 4321, gid: 5, home: "/" });
  expect(resolveUser("4321", { passwd: "", group: "" })).toMatchObject({ uid: 4321, gid: 0 });
  expect(resolveUser("app", files, ["7", "wheel"]).additionalGids).toEqual([10, 7]);
});

test("who is not listed is refused in dockerd's words", () => {
  expect(() => resolveUser("nouser", files)).toThrow(
    "unable to find user nouser: no matching entries in passwd file",
  );
  expect(() => resolveUser("app:nogroup", files)).toThrow("Unable to find group nogroup");
  expect(() => resolveUser("4294967296", files)).toThrow("in range 0-2147483647");
});
