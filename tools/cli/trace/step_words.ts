/** Steps of init that people ask about, by how their text begins, and what they wait for. */
const INIT_STEPS: readonly [begins: string, words: string][] = [
  ["lock", "waiting for its turn to join the container's cgroup"],
  ["cgroup join", "waiting for the cgroup"],
  ["pids check", "counting the pids up the cgroup tree"],
  ["clone grandchild", "waiting for the clone into the container"],
  ["clone child", "waiting for the clone of the stage that joins namespaces"],
  ["join", "joining the container's namespaces"],
  ["unshare", "making namespaces"],
  ["bounding set", "dropping capabilities"],
  ["seccomp", "loading the seccomp filter"],
  ["find program", "looking the program up in the container"],
  ["execve", "waiting for execve to read the program"],
  ["await go", "waiting for the runtime's word"],
  ["wait start", "waiting for its start"],
  ["hand over", "handing over to the program"],
  ["new session", "making a session"],
  ["pivot root", "turning to the container's root"],
  ["init parent", "in init's first stage"],
  ["init child", "in init's second stage, which joins namespaces"],
  ["init grandchild", "in init's last stage"],
  ["init configuration", "configuring the process between its steps"],
];

/** A step's name without its operands, which differ from one exec to the next. */
export function stepName(link: string, name: string): string {
  if (link !== "init") return name;
  const known = INIT_STEPS.find(([begins]) => name === begins || name.startsWith(`${begins} `));
  return known?.[0] ?? name.split(" ", 1)[0]!;
}

/** What a step spends its time on, to follow "spent 40 ms more". */
export function stepWords(link: string, step: string): string {
  if (link === "init") {
    const words = INIT_STEPS.find(([begins]) => begins === step)?.[1];
    return words ?? `in init's ${step}`;
  }
  return link === "-" ? `${step}, where none was at work` : `in ${link} itself, in ${step}`;
}
