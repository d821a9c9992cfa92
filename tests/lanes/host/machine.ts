import { closeSync, openSync, truncateSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { BaseImage } from "./base_image.ts";

export interface MachineOptions {
  image: BaseImage;
  /** What is tested, from `buildInputDisk`. */
  input: string;
  /** A file that the machine writes its results to, as a tar. */
  output: string;
  /** The program that the machine's kernel starts first. */
  init: string;
  /** The machine's processor. */
  arch: "x64" | "arm64";
  /** When this has passed the machine is switched off, whatever it does. */
  limitMs: number;
  /** `tcg` runs everywhere; `kvm` where the host has it. */
  accelerator: string;
  /** Called with each line of the machine's serial console. */
  onLine: (line: string) => void;
}

const OUTPUT_BYTES = 32 << 20;
const MEMORY_MIB = 3072;

/** Starts a virtual machine and waits until it has switched itself off, or its time is up. */
export async function runMachine(options: MachineOptions): Promise<{ timedOut: boolean }> {
  closeSync(openSync(options.output, "w"));
  truncateSync(options.output, OUTPUT_BYTES);
  const machine = Bun.spawn(machineCommand(options), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    machine.kill("SIGKILL");
  }, options.limitMs);
  const stop = () => machine.kill("SIGKILL");
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const lines = createInterface({ input: Readable.fromWeb(machine.stdout as never) });
  lines.on("line", (line) => options.onLine(line.replace(/\r$/, "")));
  await machine.exited;
  clearTimeout(timer);
  process.removeListener("SIGINT", stop);
  process.removeListener("SIGTERM", stop);
  return { timedOut };
}

/** Bun needs SSE 4.2, hence `max`; arm64's pointer signatures are slow unless they are simple. */
const PROCESSORS = {
  x64: { program: ["qemu-system-x86_64"], cpu: "max", console: "ttyS0" },
  arm64: {
    program: ["qemu-system-aarch64", "-M", "virt"],
    cpu: "max,pauth-impdef=on",
    console: "ttyAMA0",
  },
};

function machineCommand(options: MachineOptions): string[] {
  const { program, cpu, console } = PROCESSORS[options.arch];
  // A host that lets the machine wait for long must not make its kernel take the timer for broken.
  const kernelArguments = [
    "no_timer_check",
    ...[`console=${console}`, "quiet", "panic=-1", "root=/dev/vda", "hugepages=8", "net.ifnames=0"],
    `lane.init=${options.init}`,
  ];
  const disk = (file: string, more: string) => ["-drive", `file=${file},format=raw,${more}`];
  return [
    ...program,
    ...["-accel", options.accelerator, "-cpu", options.accelerator === "kvm" ? "host" : cpu],
    ...["-smp", "2", "-m", String(MEMORY_MIB), "-nodefaults", "-no-reboot", "-display", "none"],
    ...["-serial", "stdio", "-device", "virtio-rng-pci"],
    ...["-kernel", options.image.kernel, "-initrd", options.image.initrd],
    ...["-append", kernelArguments.join(" ")],
    ...disk(options.image.disk, "if=virtio,snapshot=on,cache=unsafe"),
    ...disk(options.input, "if=virtio,readonly=on"),
    ...disk(options.output, "if=virtio,cache=unsafe"),
  ];
}
