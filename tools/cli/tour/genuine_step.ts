import { neutralText } from "#lib/errors/neutral_text.ts";
import { findGenuinePrograms, GenuineStack } from "./genuine_stack.ts";
import { hostPrograms, importTourImage, LEAK_PROGRAM } from "./tour_image.ts";
import { filled, PIDS_LIMIT, type Tour } from "./tour_steps.ts";

/** Without strace the race is lost now and then only. */
const MAX_TRIES = 60;
const NAME = "full";

/** The same leak on the host's genuine Docker, in private folders, if the reader wants it. */
export async function showGenuine({ stage, screen }: Tour, otherwise: boolean): Promise<void> {
  const programs = findGenuinePrograms();
  if (!programs) {
    await screen.say("\n(No genuine Docker is installed here to show the same failure on.)");
    return;
  }
  const question = `Show the same on the genuine ${programs.dockerd}, in a folder of its own?`;
  if (!(await screen.ask(question, otherwise))) return;
  await screen.heading("The same on the genuine stack");
  const stack = new GenuineStack(programs);
  stage.onClose(() => stack.close());
  await stack.start();
  await importTourImage(stack.engine, stage.image);
  await runLeak({ stage, screen }, stack);
  const exec = ["--docker", stack.socket, NAME, "true"];
  await screen.command(["catena", "exec", ...exec]);
  let code = 0;
  let tries = 0;
  for (; code === 0 && tries < MAX_TRIES; tries++) code = await stage.catena("exec", exec);
  await screen.say(`exit code: ${code}${tries > 1 ? `, at the ${tries}th try: it is a race` : ""}`);
  const lines = stack.errorLines().map(neutralText);
  if (lines.length > 0) await screen.say(`\nand in dockerd's log\n  ${lines.join("\n  ")}`);
  const doctor = ["--docker", stack.socket, NAME];
  await screen.command(["catena", "doctor", ...doctor]);
  await stage.catena("doctor", doctor);
}

async function runLeak({ stage, screen }: Tour, stack: GenuineStack): Promise<void> {
  const host = { NetworkMode: "none", PidsLimit: PIDS_LIMIT, Binds: hostPrograms() };
  const body = {
    Image: stage.image,
    Cmd: [LEAK_PROGRAM],
    HostConfig: { ...host, Runtime: stack.runtime },
  };
  stage.onClose(async () => {
    const options = { force: true, volumes: true, link: false };
    // A container that was never made is as good as removed; the folder goes in any case.
    await stack.engine.containerRemove(NAME, options, {}).catch(() => undefined);
  });
  const { Id } = await stack.engine.containerCreate({ name: NAME, platform: "", body }, {});
  await stack.engine.containerStart(Id, {});
  const { State } = await stack.engine.containerInspect(Id, false, {});
  await stage.until("the leak fills its limit", () => filled(State.Pid));
  const slowed = stack.runtime === "slow" ? " under strace, which delays its threads by 50 ms" : "";
  await screen.say(`\nThe same image and limit, run by runc${slowed}.`);
}
