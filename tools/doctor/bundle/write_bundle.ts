import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { surveyHost } from "../discover/find_stacks.ts";
import { collectDaemon } from "../evidence/collect_daemon.ts";
import { collectHost } from "../evidence/collect_host.ts";
import { examine } from "../examine.ts";
import { HostFiles } from "../host/host_files.ts";
import type { DoctorOptions } from "../options.ts";
import { printReport } from "../report/print_report.ts";
import { redactSecrets } from "./redact_secrets.ts";

/** Files of the host that say what it is and how full it is, none of them private. */
const HOST_FILES = [
  "/proc/version",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/meminfo",
  "/proc/cgroups",
  "/proc/key-users",
  "/proc/sys/kernel/threads-max",
  "/proc/sys/kernel/pid_max",
  "/proc/sys/fs/file-nr",
  "/etc/os-release",
];

/**
 * Writes one tar archive of evidence for a ticket: the reports, the host's limits, and the ends of
 * the daemons' logs. No environment, no argument of a container and no registry's credentials are
 * in it, and what looks like a secret in a log is taken out. Returns the names of its entries.
 */
export async function writeBundle(path: string, options: DoctorOptions): Promise<string[]> {
  const entries = await collectEntries(options);
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path, { mode: 0o600, flags: "wx" }));
  for (const [name, text] of entries) archive.entry({ name, mode: 0o600 }, redactSecrets(text));
  archive.finalize();
  await written;
  return [...entries.keys()];
}

async function collectEntries(options: DoctorOptions): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  const seen = await examine({ ...options, readOnly: true });
  const { warnings, blind, commandLines = [] } = seen;
  const reports = withoutArguments(seen.reports, commandLines);
  entries.set("reports.json", JSON.stringify({ reports, warnings, blind }, null, 2));
  entries.set("reports.txt", reports.map((report) => printReport(report, false)).join("\n"));
  const files = new HostFiles();
  entries.set("host.json", JSON.stringify(collectHost(files), null, 2));
  for (const path of HOST_FILES) {
    const text = files.read(path);
    if (text !== undefined) entries.set(`host${path}`, text);
  }
  const survey = surveyHost(files, options);
  const { cgroups } = survey;
  for (const { docker, containerd } of survey.stacks) {
    for (const daemon of [docker, containerd]) {
      if (!daemon?.pid) continue;
      const { log, ...facts } = collectDaemon(survey, cgroups, daemon.pid, daemon.socket);
      entries.set(`daemons/${daemon.pid}.json`, JSON.stringify(facts, null, 2));
      if (log) entries.set(`daemons/${daemon.pid}.log`, log.lines.join("\n"));
    }
  }
  return entries;
}

/** Programs' arguments hold passwords now and then; what a program is called stays. */
export function withoutArguments<T>(value: T, commandLines: readonly string[]): T {
  // The longest first: one may be part of another.
  const lines = [...new Set(commandLines)].sort((a, b) => b.length - a.length);
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => {
    if (typeof item !== "string") return item;
    return lines.reduce((text, line) => text.replaceAll(line, "…"), item);
  }) as T;
}
