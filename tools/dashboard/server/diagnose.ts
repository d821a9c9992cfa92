import { examine } from "#tools/doctor/examine.ts";
import type { Monitor } from "#tools/monitor/monitor.ts";
import type { DiagnosisReply } from "../model.ts";

/** Looks under way, by container: who asks meanwhile gets the same answer. */
const underWay = new Map<string, Promise<DiagnosisReply>>();

/** Has the doctor look at one container, without trying anything in it. */
export function diagnose(monitor: Monitor, key: string): Promise<DiagnosisReply> {
  const known = underWay.get(key);
  if (known) return known;
  const look = lookAt(monitor, key).finally(() => underWay.delete(key));
  underWay.set(key, look);
  return look;
}

async function lookAt(monitor: Monitor, key: string): Promise<DiagnosisReply> {
  const watch = monitor.watches.get(key);
  if (!watch) return { blind: "the container is gone", reports: [] };
  const { reports, blind } = await examine({
    container: watch.container.id,
    program: [],
    stateDir: monitor.options.stateDir,
    probe: false,
    readOnly: true,
  });
  return {
    blind: blind ?? null,
    reports: reports.map((report) => ({
      sentence: report.sentence,
      link: report.link,
      cause: report.cause?.id ?? null,
      confidence: report.cause?.confidence ?? null,
      healthy: report.healthy,
      chain: report.chain.map(({ link, mark, detail, latencyMs }) => {
        return { link, mark, detail, latencyMs: latencyMs ?? null };
      }),
      evidence: report.evidence.map(({ kind, value, ref }) => ({ kind, value, ref: ref ?? null })),
      fix: report.fix,
      warnings: report.warnings,
    })),
  };
}
