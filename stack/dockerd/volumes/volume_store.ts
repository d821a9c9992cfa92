import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import type { VolumeCreateBody, VolumeView } from "#wire/docker-api/types/volume.ts";
import { conflict, invalid, notFound } from "../refusals.ts";
import { parseMountOptions } from "../rootfs/rootfs_mount.ts";
import { readStateFile, writeStateFile } from "../state_file.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const ANONYMOUS_LABEL = "com.docker.volume.anonymous";
const OPTIONS = ["type", "o", "device", "size"];

export interface VolumeRecord {
  name: string;
  createdAt: string;
  labels: Record<string, string> | null;
  options: Record<string, string> | null;
}

/** Volumes of the local driver: a folder each, or what its options say is to be mounted there. */
export class VolumeStore {
  readonly #folder: string;
  readonly #byName = new Map<string, VolumeRecord>();

  constructor(root: string) {
    this.#folder = join(root, "volumes");
    mkdirSync(this.#folder, { recursive: true, mode: 0o701 });
    for (const name of readdirSync(this.#folder)) {
      const record = readStateFile(join(this.#folder, name, "volume.json"));
      if (record && NAME.test(name)) this.#byName.set(name, record as VolumeRecord);
    }
  }

  path(name: string): string {
    return join(this.#folder, name, "_data");
  }

  get(name: string): VolumeRecord | undefined {
    return this.#byName.get(name);
  }

  find(name: string): VolumeRecord {
    const found = this.#byName.get(name);
    if (!found) throw notFound("find volume", `get ${name}: no such volume`);
    return found;
  }

  all(): VolumeRecord[] {
    return [...this.#byName.values()];
  }

  isAnonymous(record: VolumeRecord): boolean {
    return record.labels !== null && ANONYMOUS_LABEL in record.labels;
  }

  /** Makes a volume, or returns the one of that name. A name left out is made up. */
  create(body: VolumeCreateBody): { record: VolumeRecord; made: boolean } {
    const op = "create volume";
    if (body.Driver && body.Driver !== "local") {
      throw notFound(
        op,
        `${body.Name ? `create ${body.Name}: ` : ""}error looking up volume plugin ` +
          `${body.Driver}: plugin ` +
          `${JSON.stringify(body.Driver)} not found`,
      );
    }
    const anonymous = !body.Name;
    const name = body.Name || randomBytes(32).toString("hex");
    if (name.length < 2) {
      throw invalid(
        op,
        `create ${name}: volume name is too short, names should be at least two alphanumeric ` +
          "characters",
      );
    }
    if (!NAME.test(name)) {
      throw invalid(
        op,
        `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local ` +
          'volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to ' +
          "pass a host directory, use absolute path",
      );
    }
    if (name.length > 200) throw invalid(op, `create ${name}: volume name is too long`);
    checkOptions(name, body.DriverOpts ?? {});
    const known = this.#byName.get(name);
    if (known) return { record: known, made: false };
    const labels = anonymous ? { ...body.Labels, [ANONYMOUS_LABEL]: "" } : (body.Labels ?? null);
    const hasOptions = body.DriverOpts && Object.keys(body.DriverOpts).length > 0;
    const record: VolumeRecord = {
      name,
      createdAt: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      labels,
      options: hasOptions ? body.DriverOpts! : null,
    };
    mkdirSync(this.path(name), { recursive: true, mode: 0o755 });
    writeStateFile(join(this.#folder, name, "volume.json"), record);
    this.#byName.set(name, record);
    return { record, made: true };
  }

  /** The folder that a container mounts, with the volume's own options mounted on it. */
  use(name: string): string {
    const record = this.find(name);
    const path = this.path(name);
    const options = record.options;
    if (!options?.["device"] || isMounted(path)) return path;
    const { flags, data } = parseMountOptions((options["o"] ?? "").split(",").filter(Boolean));
    try {
      mount(options["device"], path, options["type"] || null, flags, data || null);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw conflict(
        "mount volume",
        `failed to mount local volume: mount ${options["device"]}:${path}: ${reason}`,
      );
    }
    return path;
  }

  /** Takes down what `use` mounted, once no container needs it. */
  release(name: string): void {
    const options = this.#byName.get(name)?.options;
    if (!options?.["device"]) return;
    const path = this.path(name);
    if (isMounted(path)) unmount(path, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
  }

  remove(name: string): void {
    this.release(name);
    rmSync(join(this.#folder, name), { recursive: true, force: true });
    this.#byName.delete(name);
  }

  view(record: VolumeRecord): VolumeView {
    return {
      CreatedAt: record.createdAt,
      Driver: "local",
      Labels: record.labels,
      Mountpoint: this.path(record.name),
      Name: record.name,
      Options: record.options,
      Scope: "local",
    };
  }
}

function checkOptions(name: string, options: Record<string, string>): void {
  const op = "create volume";
  for (const key of Object.keys(options)) {
    if (!OPTIONS.includes(key)) {
      throw invalid(op, `create ${name}: invalid option: ${JSON.stringify(key)}`);
    }
  }
  if (options["size"]) {
    throw invalid(op, `create ${name}: quota size requested but no quota support`);
  }
  if ((options["type"] || options["o"]) && !options["device"]) {
    throw invalid(op, `create ${name}: missing required option: "device"`);
  }
}

function isMounted(path: string): boolean {
  if (!existsSync(path)) return false;
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === path);
}
