import { existsSync } from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { callInNetworkNamespace } from "#lib/linux/network_namespace.ts";
import { NAME_SERVER, type NameServerPorts } from "./name_server.ts";

const RESTORE = ["/usr/sbin/iptables-restore", "/sbin/iptables-restore"];
const TIME_LIMIT_MS = 10_000;
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

const restorePath = () => RESTORE.find((path) => existsSync(path));

/**
 * Where the name server of a container is to listen: any port, so that programs of the container
 * can have port 53, or port 53 itself where nothing can lead questions elsewhere.
 */
export const nameServerPorts = (): NameServerPorts =>
  restorePath() ? { udp: 0, tcp: 0 } : { udp: 53, tcp: 53 };

/** Leads a container's questions to port 53 of the name server to where it listens. */
export async function redirectNames(namespace: string, ports: NameServerPorts): Promise<void> {
  const program = restorePath();
  if (!program || ports.udp === 53) return;
  const child = callInNetworkNamespace(namespace, () =>
    Bun.spawn([program, "--wait", "5", "--noflush"], {
      stdin: new Blob([rules(ports)]),
      stdout: "ignore",
      stderr: "pipe",
      timeout: TIME_LIMIT_MS,
      killSignal: "SIGKILL",
      env: childEnv({ PATH }),
    }),
  );
  const [code, words] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code === 0) return;
  throw failure({
    layer: "dockerd",
    op: "set up network",
    code: "internal",
    message: `name server cannot be led to: ${words.trim() || `exit code ${code}`}`,
    evidence: [{ kind: "exit", value: String(code), ref: program }],
  });
}

/** The rules that dockerd makes there, under dockerd's names. */
function rules({ udp, tcp }: NameServerPorts): string {
  const [out, back] = ["DOCKER_OUTPUT", "DOCKER_POSTROUTING"];
  const lines = ["*nat", `:${out} - [0:0]`, `:${back} - [0:0]`];
  lines.push(`-A OUTPUT -d ${NAME_SERVER} -j ${out}`);
  lines.push(`-A POSTROUTING -d ${NAME_SERVER} -j ${back}`);
  for (const [protocol, port] of Object.entries({ udp, tcp })) {
    const to = `DNAT --to-destination ${NAME_SERVER}:${port}`;
    lines.push(
      `-A ${out} -d ${NAME_SERVER} -p ${protocol} --dport 53 -j ${to}`,
      `-A ${back} -s ${NAME_SERVER} -p ${protocol} --sport ${port} -j SNAT --to-source :53`,
    );
  }
  return `${lines.join("\n")}\nCOMMIT\n`;
}
