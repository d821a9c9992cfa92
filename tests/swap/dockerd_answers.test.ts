import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { BOTH_DOCKERDS, reasonToSkip } from "../lib/box_probe.ts";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { commandWords, normalizedAnswer } from "../lib/cli_answers.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "./docker_client.ts";

// Each command is given to the genuine dockerd and to ours: the docker CLI must print the same and
// end with the same code. What is ours alone (cause, fix, id) is cut off first; where dockerd's
// words changed since 20.10 (unknown capabilities, restart policies) ours are the newer ones.

const LIMIT_MS = 300_000;
const reason = reasonToSkip(BOTH_DOCKERDS);

/** How a container is made here: no network, a cgroup of the test's own. */
const RUN = "run --network none --cgroup-parent /TAG";

/** The files of its limits, as it sees them itself. */
const CGROUP = "/sys/fs/cgroup";
const LIMITS = existsSync(`${CGROUP}/cgroup.controllers`)
  ? { memory: "memory.max", cpu: "cpu.max", pids: "pids.max" }
  : {
      memory: "memory/memory.limit_in_bytes",
      cpu: "cpu/cpu.cfs_quota_us",
      pids: "pids/pids.max",
    };

/**
 * A command a line; words with spaces are quoted. TAG is the test's own name, FILE a small file.
 */
const GROUPS: Record<string, string> = {
  "life of a container": `
    ${RUN} -d --name one IMAGE sleep 1000
    ps --no-trunc --format '{{.Names}} {{.Image}} {{.Command}}'
    ps -q --filter name=none
    pause one
    exec one true
    pause one
    unpause one
    unpause one
    rename one two
    update --pids-limit 50 two
    inspect -f '{{.State.Status}} {{.State.Running}} {{.HostConfig.PidsLimit}}' two
    rm two
    stop -t 0 two
    stop two
    inspect -f '{{.State.Status}} {{.State.ExitCode}}' two
    start two
    restart -t 0 two
    kill two
    wait two
    rm two
    rm two
    inspect two`,
  "what a container gets": `
    ${RUN} --rm -e A=1 -e PATH=/bin --hostname box IMAGE env
    ${RUN} --rm -u 4321:5 IMAGE id
    ${RUN} --rm -w /made/new IMAGE pwd
    ${RUN} --rm --memory 20m IMAGE cat ${CGROUP}/${LIMITS.memory}
    ${RUN} --rm --cpus .5 IMAGE cat ${CGROUP}/${LIMITS.cpu}
    ${RUN} --rm --pids-limit 20 IMAGE cat ${CGROUP}/${LIMITS.pids}
    ${RUN} --rm --cap-drop ALL IMAGE grep CapEff /proc/self/status
    ${RUN} --rm --cap-add SYS_ADMIN IMAGE grep CapEff /proc/self/status
    ${RUN} --rm IMAGE grep -E 'Seccomp:|NoNewPrivs' /proc/self/status
    ${RUN} --rm --security-opt no-new-privileges IMAGE grep NoNewPrivs /proc/self/status
    ${RUN} --rm --security-opt seccomp=unconfined IMAGE grep Seccomp: /proc/self/status
    ${RUN} --rm --ulimit nofile=100:200 IMAGE sh -c 'ulimit -n; ulimit -Hn'
    ${RUN} --rm --read-only IMAGE touch /x
    ${RUN} --rm --read-only --tmpfs /t IMAGE touch /t/x
    ${RUN} --rm --shm-size 8m IMAGE sh -c 'mount | grep shm'
    ${RUN} --rm --device /dev/null:/dev/mine IMAGE sh -c 'echo x > /dev/mine'
    ${RUN} --rm --entrypoint /bin/echo IMAGE a b
    ${RUN} --rm IMAGE sh -c 'kill -9 $$'
    ${RUN} --rm IMAGE sh -c 'mount | cut -d" " -f3,5 | grep -vE "cgroup|interrupts" | sort'`,
  volumes: `
    ${RUN} --rm -v data:/etc IMAGE sh -c 'echo x > /etc/mine'
    ${RUN} --rm -v data:/d:ro IMAGE cat /d/mine
    ${RUN} --rm -v data:/d:ro IMAGE touch /d/other
    volume ls -q
    volume inspect -f '{{.Name}} {{.Driver}} {{.Scope}}' data
    ${RUN} -d --name user -v data:/d IMAGE true
    volume rm data
    rm -f user
    volume rm data
    volume rm data
    ${RUN} --rm --mount type=bind,src=/no/such/folder,dst=/x IMAGE true
    ${RUN} --rm -v relative/path:/x IMAGE true`,
  files: `
    create --name files --network none IMAGE sh
    cp FILE files:/etc/copied
    cp files:/nosuch -
    cp FILE files:/no/such/place/
    diff files
    rm files`,
  refusals: `
    ${RUN} --rm IMAGE nosuchprogram
    ${RUN} --name 'bad name' IMAGE true
    ${RUN} --memory 1m IMAGE true
    exec none true
    logs none
    rmi none
    tag none other
    network rm host
    volume inspect none`,
};

describe(reason ? `docker's answers [skipped: ${reason}]` : "docker's answers", () => {
  let sandbox: Sandbox;
  let daemons: Daemon[] = [];
  let clients: DockerClient[] = [];

  beforeAll(async () => {
    if (reason) return;
    sandbox = new Sandbox();
    const containerd = await startGenuineContainerd(sandbox);
    const genuine = await startGenuineDockerd(sandbox, { containerd: containerd.socket });
    const ours = await startCatenaDaemon(sandbox);
    daemons = [ours, genuine, containerd];
    clients = [genuine, ours].map((daemon) => new DockerClient(sandbox, daemon.socket));
    for (const client of clients) {
      await client.docker(["import", await busyboxTar(sandbox), "catest:latest"]);
    }
    writeFileSync(sandbox.path("small"), "small file\n");
  }, LIMIT_MS);

  afterAll(async () => {
    if (reason) return;
    for (const daemon of daemons) await daemon.stop();
    await sandbox.close();
  }, LIMIT_MS);

  for (const [group, lines] of Object.entries(GROUPS)) {
    test.skipIf(reason !== undefined)(
      group,
      async () => {
        for (const line of lines.trim().split("\n")) {
          const args = commandWords(line).map((word) =>
            word
              .replace("IMAGE", "catest:latest")
              .replace("TAG", sandbox.tag)
              .replace("FILE", sandbox.path("small")),
          );
          const answers: string[] = [];
          for (const client of clients) {
            const { code, stdout, stderr } = await client.docker(args);
            answers.push(`${line.trim()}\n${normalizedAnswer(stdout + stderr)}[${code}]`);
          }
          expect(answers[1]).toBe(answers[0]!);
        }
      },
      LIMIT_MS,
    );
  }
});
