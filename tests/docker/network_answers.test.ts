import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BOTH_DOCKERDS, reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemonOn } from "../lib/catena_stack.ts";
import { commandWords, normalizedAnswer } from "../lib/cli_answers.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";

// Each command about networks is given to the genuine dockerd and to ours, each in a network of its
// own: the docker CLI must print the same and end with the same code.

const LIMIT_MS = 120_000;
const reason = reasonToSkip([...BOTH_DOCKERDS, "cni plugins"]);

const RUN = "run --cgroup-parent /TAG";
const SETTINGS = "inspect -f '{{json .NetworkSettings}}'";

/** One command a line. Names of containers are the same on both sides; their ids are not shown. */
const GROUPS: Record<string, string> = {
  "what a container on the default network sees and shows": `
    ${RUN} -d --name aa -p 8080:80 -p 53:53/udp -p 7000-7002:7000-7002 IMAGE sleep 1000
    ${SETTINGS} aa
    port aa
    port aa 80
    port aa 81
    ps --format '{{.Names}} {{.Ports}}'
    exec aa sh -c 'route -n; cat /etc/hosts; ip -4 address show eth0 | grep inet'
    ${RUN} --rm --link aa:alias IMAGE sh -c 'grep alias /etc/hosts; env | grep ALIAS | grep -v NAME'
    create --name lk --link aa:alias IMAGE true
    inspect -f '{{json .HostConfig.Links}}' lk
    ${RUN} --rm --link nope IMAGE true
    ${RUN} --rm --link aa:x:y IMAGE true
    ${RUN} -d --name nn --network none IMAGE sleep 1000
    inspect -f '{{json .NetworkSettings.Ports}} {{.NetworkSettings.IPAddress}}' nn
    ${RUN} -d --name hh --network host -p 1:1 IMAGE sleep 1000
    ${RUN} -d --name ss --network container:aa IMAGE sleep 1000
    ${SETTINGS} ss
    stop -t 0 aa
    inspect -f '{{json .NetworkSettings.Networks}} {{json .NetworkSettings.Ports}}' aa
    rm -f aa lk nn hh ss`,
  "user-defined networks": `
    network create --label a=b net1
    network create --subnet 10.44.0.0/24 net2
    network create --internal --subnet 10.9.0.0/24 --gateway 10.9.0.7 --ip-range 10.9.0.128/25 inner
    network ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}}'
    network ls --filter type=custom --format '{{.Name}}'
    network ls --filter label=a --format '{{.Name}}'
    network ls --filter dangling=true --format '{{.Name}}'
    network inspect -f '{{json .IPAM}} {{.Internal}} {{json .Options}}' net1 net2 inner
    network inspect -f '{{json .Labels}}' net1
    ${RUN} -d --name uu --network net1 --network-alias db --hostname hh IMAGE sleep 1000
    create --name cc --network net2 --ip 10.44.0.9 -p 127.0.0.1::5000 IMAGE sleep 1000
    ${SETTINGS} cc
    start cc
    inspect -f '{{.NetworkSettings.Networks.net2.IPAddress}} {{json .NetworkSettings.Ports}}' cc
    exec uu sh -c 'cat /etc/hosts; grep -v search /etc/resolv.conf'
    ${RUN} --rm --network net1 IMAGE sh -c 'nslookup -type=a db | tail -n +3'
    ${RUN} --rm --network inner IMAGE sh -c 'ip -4 address show eth0 | grep inet'
    network connect --alias z1 net2 uu
    exec uu cat /etc/hosts
    network connect net2 uu
    network connect nonet uu
    network connect none uu
    network connect host uu
    network connect --alias x bridge uu
    network connect bridge uu
    network connect --ip 10.44.1.55 net2 cc
    network disconnect net2 uu
    network disconnect net2 uu
    network disconnect nonet uu
    network rm net1
    stop -t 0 uu
    network disconnect net1 uu
    inspect -f '{{json .NetworkSettings.Networks}}' uu
    rm -f uu cc
    network rm net1 net2
    network prune -f`,
  refusals: `
    network create bridge
    network create net1
    network create net1
    network rm nonet
    network rm bridge
    network inspect nonet
    network create --subnet 172.17.0.0/24 ov
    network create --subnet 1.2.3.4/33 bad
    network create --subnet nonsense bad
    network create --gateway 1.2.3.4 bad
    network create --subnet 10.77.0.0/24 --gateway 10.78.0.1 bad
    ${RUN} --rm --network nonet IMAGE true
    ${RUN} --rm --network net1 --ip 10.1.1.1 IMAGE true
    ${RUN} --rm --ip 172.17.0.99 IMAGE true
    ${RUN} --rm --network container:nope IMAGE true
    ${RUN} --rm --network container:nope -p 1:1 IMAGE true
    ${RUN} -d --name holds -p 8080:80 IMAGE sleep 1000
    ${RUN} --rm --name wants -p 8080:80 IMAGE true
    rm -f holds
    network rm net1`,
};

/** What differs between runs, or between the two networks, and means nothing. */
const neutral = (text: string) =>
  normalizedAnswer(text)
    .replace(/\b[0-9a-f]{12}\b/g, "SHORT")
    .replace(/"sandboxkey":"[^"]*"/g, '"sandboxkey":KEY')
    .replace(/172\.[0-9]+\./g, "172.N.")
    .replace(/02:42:ac:[0-9a-f]+/g, "02:42:ac:N")
    .replace(/,?"gateway":"172\.n\.0\.1"(?=\}\])/gi, "");

describe(reason ? `answers about networks [skipped: ${reason}]` : "answers about networks", () => {
  let sandbox: Sandbox;
  let clients: DockerClient[] = [];

  const open = async () => {
    if (reason) return;
    sandbox = new Sandbox();
    const networks = [
      await PrivateNetwork.create(sandbox, "genuine"),
      await PrivateNetwork.create(sandbox, "ours"),
    ] as const;
    const containerd = await startGenuineContainerd(sandbox);
    const genuine = await startGenuineDockerd(sandbox, {
      containerd: containerd.socket,
      network: networks[0],
    });
    const ours = await startCatenaDaemonOn(sandbox, networks[1]);
    clients = [genuine, ours].map((daemon) => new DockerClient(sandbox, daemon.socket));
    for (const client of clients) await client.importImage();
  };
  const close = async () => {
    await sandbox?.close();
  };
  beforeAll(open, LIMIT_MS);
  afterAll(close, LIMIT_MS);

  for (const [group, lines] of Object.entries(GROUPS)) {
    test.skipIf(reason !== undefined)(
      group,
      async () => {
        for (const line of lines.trim().split("\n")) {
          const args = commandWords(line).map((word) =>
            word.replace("IMAGE", "catest:latest").replace("TAG", sandbox.tag),
          );
          const [theirs, ours] = await Promise.all(
            clients.map(async (client) => {
              const { code, stdout, stderr } = await client.docker(args);
              return `${line.trim()}\n${neutral(stdout + stderr)}[${code}]`;
            }),
          );
          expect(ours!).toBe(theirs!);
        }
      },
      LIMIT_MS,
    );
  }
});
