import type { DockerEngine } from "#wire/docker-api/engine.ts";
import type { Daemon } from "./daemon.ts";
import * as archive from "./server/container_archive.ts";
import { containerAttach, containerLogs } from "./server/container_attach.ts";
import { containerChanges } from "./server/container_changes.ts";
import { containerCommit } from "./server/container_commit.ts";
import { containerCreate } from "./server/container_create.ts";
import { containerInspect } from "./server/container_inspect.ts";
import { containerList } from "./server/container_list.ts";
import * as misc from "./server/container_misc.ts";
import { containerPause, containerUnpause } from "./server/container_pause.ts";
import { containerRemove } from "./server/container_remove.ts";
import { containerStart } from "./server/container_start.ts";
import { containerStats } from "./server/container_stats.ts";
import { containerKill, containerRestart, containerStop } from "./server/container_stop.ts";
import { containerTop } from "./server/container_top.ts";
import { containerWait } from "./server/container_wait.ts";
import * as about from "./server/engine_version.ts";
import { execCreate, execResize, execStart } from "./server/exec_run.ts";
import { imageBuild } from "./server/image_build.ts";
import { imageImport } from "./server/image_import.ts";
import { imageLoad } from "./server/image_load.ts";
import * as images from "./server/image_ops.ts";
import { buildPrune, imagePrune } from "./server/image_prune.ts";
import { imagePull } from "./server/image_pull.ts";
import { imagePush } from "./server/image_push.ts";
import { imageRemove } from "./server/image_remove.ts";
import { imageSave } from "./server/image_save.ts";
import { networkConnect, networkDisconnect } from "./server/network_connect.ts";
import { networkCreate } from "./server/network_create.ts";
import * as networks from "./server/network_ops.ts";
import * as registry from "./server/registry_ops.ts";
import * as system from "./server/system_ops.ts";
import * as volumes from "./server/volume_ops.ts";

/** The daemon's operations as the interface that servers and other boxes call. */
export function dockerEngine(daemon: Daemon): DockerEngine {
  return {
    ping: () => about.ping(),
    version: (context) => about.version(daemon, context),
    info: (context) => system.info(daemon, context),
    diskUsage: (types, context) => system.diskUsage(daemon, types, context),
    events: (query, context) => system.events(daemon, query, context),

    ...imageOperations(daemon),

    containerCreate: (options, context) => containerCreate(daemon, options, context),
    containerList: (options, context) => containerList(daemon, options, context),
    containerInspect: (id, size, context) => containerInspect(daemon, id, size, context),
    containerStart: (id, context) => containerStart(daemon, id, context),
    containerStop: (id, options, context) => containerStop(daemon, id, options, context),
    containerRestart: (id, options, context) => containerRestart(daemon, id, options, context),
    containerKill: (id, signal, context) => containerKill(daemon, id, signal, context),
    containerPause: (id, context) => containerPause(daemon, id, context),
    containerUnpause: (id, context) => containerUnpause(daemon, id, context),
    containerWait: (id, condition, context) => containerWait(daemon, id, condition, context),
    containerRemove: (id, options, context) => containerRemove(daemon, id, options, context),
    containerRename: (id, name) => misc.containerRename(daemon, id, name),
    containerUpdate: (id, body, context) => misc.containerUpdate(daemon, id, body, context),
    containerTop: (id, psArgs, context) => containerTop(daemon, id, psArgs, context),
    containerLogs: (id, options, context) => containerLogs(daemon, id, options, context),
    containerAttach: (id, options, context) => containerAttach(daemon, id, options, context),
    containerResize: (id, height, width, context) =>
      misc.containerResize(daemon, id, height, width, context),
    containerStats: (id, options, context) => containerStats(daemon, id, options, context),
    containerChanges: (id, context) => containerChanges(daemon, id, context),
    containerExport: (id, context) => archive.containerExport(daemon, id, context),
    containerCommit: (options, context) => containerCommit(daemon, options, context),
    containerPrune: (filters, context) => misc.containerPrune(daemon, filters, context),
    containerArchiveStat: (id, path, context) => archive.archiveStat(daemon, id, path, context),
    containerArchiveGet: (id, path, context) => archive.archiveGet(daemon, id, path, context),
    containerArchivePut: (id, options, tar, context) =>
      archive.archivePut(daemon, id, options, tar, context),

    execCreate: (id, body, context) => execCreate(daemon, id, body, context),
    execStart: (id, body, context) => execStart(daemon, id, body, context),
    execResize: (id, height, width, context) => execResize(daemon, id, height, width, context),
    execInspect: async (id) => daemon.execs.find(id).inspect(),

    volumeList: (filters) => volumes.volumeList(daemon, filters),
    volumeCreate: (body) => volumes.volumeCreate(daemon, body),
    volumeInspect: async (name) => daemon.volumes.view(daemon.volumes.find(name)),
    volumeRemove: (name, force) => volumes.volumeRemove(daemon, name, force),
    volumePrune: (filters) => volumes.volumePrune(daemon, filters),

    networkList: (filters) => networks.networkList(daemon, filters),
    networkInspect: (name) => networks.networkInspect(daemon, name),
    networkCreate: (body) => networkCreate(daemon, body),
    networkRemove: (name) => networks.networkRemove(daemon, name),
    networkPrune: (filters) => networks.networkPrune(daemon, filters),
    networkConnect: (name, body) =>
      networkConnect(daemon, name, body.Container ?? "", body.EndpointConfig ?? null),
    networkDisconnect: (name, body) =>
      networkDisconnect(daemon, name, body.Container ?? "", body.Force === true),
  };
}

type ImageOperations = Pick<
  DockerEngine,
  Extract<
    keyof DockerEngine,
    `image${string}` | "buildPrune" | "distributionInspect" | "registryLogin"
  >
>;

function imageOperations(daemon: Daemon): ImageOperations {
  return {
    imageList: (options, context) => images.imageList(daemon, options, context),
    imageInspect: (name, context) => images.imageInspect(daemon, name, context),
    imageHistory: (name, context) => images.imageHistory(daemon, name, context),
    imageTag: (name, repo, tag, context) => images.imageTag(daemon, name, repo, tag, context),
    imageRemove: (name, options, context) => imageRemove(daemon, name, options, context),
    imagePrune: (filters, context) => imagePrune(daemon, filters, context),
    buildPrune: () => buildPrune(daemon),
    imageImport: (tar, options, context) => imageImport(daemon, tar, options, context),
    imagePull: (image, tag, platform, context, auth = {}) =>
      imagePull(daemon, { image, tag, platform, auth }, context),
    imagePush: (name, tag, context, auth = {}) => imagePush(daemon, name, tag, auth, context),
    imageSearch: (options, context, auth = {}) =>
      registry.imageSearch(daemon, options, auth, context),
    distributionInspect: (name, context, auth = {}) =>
      registry.distributionInspect(daemon, name, auth, context),
    registryLogin: (auth, context) => registry.registryLogin(daemon, auth, context),
    imageBuild: (tar, options, context) => imageBuild(daemon, tar, options, context),
    imageLoad: (tar, _options, context) => imageLoad(daemon, tar, context),
    imageSave: (names, context) => imageSave(daemon, names, context),
  };
}
