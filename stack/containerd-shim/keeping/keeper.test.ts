import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import { F, fcntl, receiveWithFds, SOCK, sendWithFds } from "#lib/linux/descriptor.ts";
import { connectUnix, pipe } from "#lib/linux/socket.ts";
import { errnoOf, Keeper, readLedger } from "./keeper.ts";
import type { KeeperEvents } from "./keeper_connection.ts";
import { ENTRY_STATE, encodePacket, type KeptProcess, MESSAGE, ROLE } from "./keeper_protocol.ts";

let folder: string;
let keeper: Keeper;
let seen: Seen;

/** What a keeper told, and a way to wait for it. */
class Seen implements KeeperEvents {
  readonly exits = new Map<number, KeptProcess>();
  readonly drains = new Set<number>();
  readonly consoles = new Set<number>();
  losses = 0;

  exited(process: KeptProcess): void {
    this.exits.set(process.token, process);
  }

  drained(token: number): void {
    this.drains.add(token);
  }

  consoleReady(token: number): void {
    this.consoles.add(token);
  }

  lost(): void {
    this.losses += 1;
  }
}

async function until<T>(probe: () => T | undefined): Promise<T> {
  for (let attempt = 0; attempt < 2000; attempt++) {
    const value = probe();
    if (value) return value;
    await Bun.sleep(5);
  }
  throw new Error("waited in vain");
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "keeper-"));
  seen = new Seen();
  keeper = await Keeper.start(folder, seen);
});

afterEach(() => {
  // The pid is the keeper's own: nobody reaps it but our parent.
  try {
    process.kill(keeper.pid, "SIGKILL");
  } catch {
    // It has quit.
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a shell command as the process of `token` itself, without a runtime in between. */
async function launch(
  token: number,
  script: string,
  streams: [number, number][] = [],
  pauseMs = 0,
) {
  await keeper.open(token, streams);
  const child = await keeper.launcher(token).spawn({
    executable: "/bin/sh",
    argv: ["sh", "-c", `${script} & echo $! > ${folder}/pid-${token}`],
    env: { PATH: process.env["PATH"] ?? "" },
    fds: [],
  });
  expect(await child.exited).toEqual({ code: 0 });
  const pid = Number(readFileSync(`${folder}/pid-${token}`, "utf8"));
  await Bun.sleep(pauseMs);
  await keeper.adopt(token, pid);
  return pid;
}

function readAll(fd: number): string {
  const bytes = Buffer.alloc(65536);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, null));
}

test("an orphan's exit is on disk and told, with its true code", async () => {
  const pid = await launch(1, "(sleep 0.02; exit 42)");
  const exit = await until(() => seen.exits.get(1));
  expect(exit).toMatchObject({ pid, status: 42, state: ENTRY_STATE.EXITED });
  expect(readLedger(folder).get(1)).toMatchObject({ pid, status: 42, exitedNs: exit.exitedNs });
});

test("a signal's death is 128 and the signal", async () => {
  await launch(1, "exec sleep 1000");
  await keeper.signal(1, 15);
  expect(await until(() => seen.exits.get(1))).toMatchObject({ status: 143 });
  expect(errnoOf(await keeper.signal(1, 15).catch((thrown: unknown) => thrown))).toBe("ESRCH");
});

test("a process that ended before it was adopted is not lost", async () => {
  await launch(1, "(sleep 0.02; exit 9)", [], 200);
  expect(await until(() => seen.exits.get(1))).toMatchObject({ status: 9 });
});

test("a process that somebody else reaped is refused, not mistaken for another", async () => {
  await keeper.open(1, []);
  const child = await keeper.launcher(1).spawn({
    executable: "/bin/sh",
    argv: ["sh", "-c", `sleep 0 & echo $! > ${folder}/early; wait`],
    env: { PATH: process.env["PATH"] ?? "" },
    fds: [],
  });
  await child.exited;
  const early = Number(readFileSync(`${folder}/early`, "utf8"));
  const refusal = await keeper.adopt(1, early).catch((thrown: unknown) => thrown);
  expect(errnoOf(refusal)).toBe("ECHILD");
});

test("of many processes that end at once, every exit is told", async () => {
  const gate = join(folder, "gate");
  expect(Bun.spawnSync(["mkfifo", gate]).exitCode).toBe(0);
  const writer = openSync(gate, constants.O_RDWR);
  const tokens = Array.from({ length: 150 }, (_, index) => index + 1);
  for (const token of tokens) await launch(token, `(read line < ${gate}; exit 7)`);
  // All of them read the end of file at the same moment, so some end while others are reaped.
  closeSync(writer);
  await until(() => seen.exits.size === tokens.length || undefined);
  expect(new Set([...seen.exits.values()].map(({ status }) => status))).toEqual(new Set([7]));
}, 60_000);

test("output goes to the descriptor that was handed over", async () => {
  const [reading, writing] = pipe();
  await launch(1, "(sleep 0.02; echo hello)", [[ROLE.OUT, writing]]);
  await until(() => seen.exits.get(1));
  expect(readAll(reading)).toBe("hello\n");
  expect(readAll(reading)).toBe("");
  closeSync(reading);
});

test("stdin stays open until it is let go", async () => {
  const [reading, writing] = pipe();
  await launch(1, "exec 3<&0; cat <&3 > /dev/null", [
    [ROLE.IN, reading],
    [ROLE.IN_HOLD, writing],
  ]);
  await Bun.sleep(50);
  expect(seen.exits.size).toBe(0);
  await keeper.closeStdin(1);
  await until(() => seen.exits.get(1));
});

test("copies a pipe to a file, and says when it has", async () => {
  const [reading, writing] = pipe();
  const log = join(folder, "log");
  const file = openSync(log, constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND);
  await launch(1, "seq 1 20000", [
    [ROLE.OUT, writing],
    [ROLE.OUT_FROM, reading],
    [ROLE.OUT_TO, file],
  ]);
  await until(() => seen.drains.has(1));
  expect(readFileSync(log, "utf8").trim().split("\n")).toHaveLength(20000);
});

test("a new shim is told what the old one may have missed", async () => {
  await launch(1, "(sleep 0.02; exit 5)");
  await launch(2, "exec sleep 1000");
  await until(() => seen.exits.get(1));
  const later = new Seen();
  const again = await Keeper.reconnect(folder, later);
  expect(await until(() => later.exits.get(1))).toMatchObject({ status: 5 });
  await until(() => seen.losses || undefined);
  await again.signal(2, 9);
  expect(await until(() => later.exits.get(2))).toMatchObject({ status: 137 });
  expect(seen.exits.has(2)).toBe(false);
});

test("quits when told, but not while a process runs", async () => {
  await launch(1, "exec sleep 1000");
  const refusal = await keeper.forget(1).catch((thrown: unknown) => thrown);
  expect(errnoOf(refusal)).toBe("EBUSY");
  await keeper.signal(1, 9);
  await until(() => seen.exits.get(1));
  await keeper.forget(1);
  expect(readLedger(folder).size).toBe(0);
  await keeper.quit();
  expect(seen.losses).toBe(0);
});

test("an executable that is not there is told with its errno", async () => {
  await keeper.open(1, []);
  const request = { executable: "/no/such", argv: ["x"], env: {}, fds: [] };
  const refusal = await keeper
    .launcher(1)
    .spawn(request)
    .catch((thrown: unknown) => thrown);
  expect(refusal).toBeInstanceOf(ChainError);
  expect(errnoOf(refusal)).toBe("ENOENT");
});

test("a helper that ends at once is never waited for in vain", async () => {
  await keeper.open(1, []);
  const launcher = keeper.launcher(1);
  const request = { executable: "/bin/true", argv: ["true"], env: {}, fds: [] };
  for (let round = 0; round < 20; round++) {
    const children = Array.from({ length: 20 }, () => launcher.spawn(request));
    // Busy for a moment, so that replies and exits are read together.
    const until = performance.now() + 10;
    while (performance.now() < until);
    const ends = await Promise.all(children.map(async (child) => (await child).exited));
    expect(ends.every(({ code }) => code === 0)).toBe(true);
  }
  // Four hundred programs: a busy machine takes its time.
}, 60_000);

test("descriptors arrive under the numbers that were asked for, and no others", async () => {
  const [reading, writing] = pipe();
  await keeper.open(1, [[ROLE.OUT, writing]]);
  const null1 = openSync("/dev/null", "r");
  const child = await keeper.launcher(1).spawn({
    executable: "/bin/sh",
    argv: ["sh", "-c", "cd /proc/self/fd; echo 0 1 2 *"],
    env: {},
    fds: [
      { fd: null1, as: 7 },
      { fd: null1, as: 4 },
    ],
  });
  await child.exited;
  const numbers = new Set(readAll(reading).trim().split(/\s+/));
  for (const wanted of ["0", "1", "2", "4", "7"]) expect(numbers.has(wanted)).toBe(true);
  for (const other of ["5", "6", "8", "9"]) expect(numbers.has(other)).toBe(false);
  closeSync(null1);
  closeSync(reading);
});

test("hostile packets neither kill the keeper nor leave descriptors in it", async () => {
  await launch(1, "exec sleep 1000");
  const count = () => require("node:fs").readdirSync(`/proc/${keeper.pid}/fd`).length as number;
  let random = 20250101;
  const next = (below: number) => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 8) % below;
  };
  const path = `/proc/${keeper.pid}/cwd/keeper`;
  const before = count();
  for (let round = 0; round < 300; round++) {
    const socket = connectUnix(SOCK.SEQPACKET, path);
    fcntl(socket, F.SETFL, constants.O_NONBLOCK);
    try {
      for (let message = 0; message < 3; message++) {
        const payload = Buffer.alloc(next(200), 0).map(() => (next(3) ? next(256) : 0));
        const type = next(4) ? next(10) + 1 : next(2 ** 16);
        const bytes = encodePacket({ type, request: 1, token: next(3) + 5, payload });
        if (next(4) === 0) bytes.writeUInt32LE(next(2 ** 20), 0);
        // QUIT is refused while a process runs; FORGET and SIGNAL name tokens that are not there.
        sendWithFds(socket, bytes, Array(next(4)).fill(2));
      }
      receiveWithFds(socket, Buffer.alloc(4096));
    } catch {
      // It hung up on us, or has not answered yet: both are fine.
    }
    closeSync(socket);
  }
  const later = new Seen();
  const again = await Keeper.reconnect(folder, later);
  for (const token of [5, 6, 7]) await again.forget(token).catch(() => {});
  expect(count()).toBeLessThanOrEqual(before + 1);
  await again.signal(1, 9);
  await until(() => later.exits.get(1));
});

test("the type of every message is the keeper's", () => {
  const header = readFileSync(join(import.meta.dir, "../keeper/keeper.h"), "utf8");
  const body = header.match(/enum message_type \{([^}]*)\}/)![1]!;
  let value = 0;
  for (const item of body.split(",").map((text) => text.trim())) {
    if (item === "") continue;
    const [name, explicit] = item.split(" = ");
    value = explicit ? Number(explicit) : value + 1;
    expect(MESSAGE[name as keyof typeof MESSAGE]).toBe(value as never);
  }
});
