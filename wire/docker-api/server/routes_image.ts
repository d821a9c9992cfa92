import type { ContainerConfig } from "../types/container_config.ts";
import type { ImageInspect } from "../types/image.ts";
import { type Exchange, refusal } from "./exchange.ts";
import { sendMessages } from "./json_stream.ts";
import { registryAuth } from "./registry_header.ts";
import { CONTAINER_CONFIG } from "./request_shapes.ts";
import type { Route } from "./route.ts";

/** POST /images/create: an import from the body, or a pull. */
async function imageCreate(exchange: Exchange): Promise<void> {
  const { query, engine, context } = exchange;
  const source = query.text("fromSrc");
  const image = query.text("fromImage");
  if (source === "") {
    if (image === "") throw refusal("fromImage or fromSrc must be given");
    const tag = query.text("tag");
    const platform = query.text("platform");
    const auth = registryAuth(exchange);
    await sendMessages(exchange, engine.imagePull(image, tag, platform, context, auth));
    return;
  }
  if (source !== "-" && !/^https?:\/\//i.test(source)) {
    throw refusal(`import from ${source}: give an http or https URL, or - for the body`);
  }
  const options = {
    ...(source === "-" ? {} : { url: source }),
    repo: query.text("repo"),
    tag: query.text("tag"),
    message: query.text("message"),
    changes: query.all("changes"),
    platform: query.text("platform"),
  };
  await sendMessages(exchange, engine.imageImport(exchange.body(), options, context));
}

async function imageSave(exchange: Exchange, names: string[]): Promise<void> {
  if (names.length === 0) throw refusal("no image named");
  const tar = await exchange.engine.imageSave(names, exchange.context);
  await exchange.stream("application/x-tar", tar);
}

async function commit(exchange: Exchange): Promise<void> {
  const config = await exchange.json<ContainerConfig>(CONTAINER_CONFIG, "Config");
  const { query } = exchange;
  const options = {
    container: query.text("container"),
    repo: query.text("repo"),
    tag: query.text("tag"),
    comment: query.text("comment"),
    author: query.text("author"),
    pause: query.flag("pause", true),
    changes: query.all("changes"),
    config,
  };
  exchange.send(201, await exchange.engine.containerCommit(options, exchange.context));
}

/** Before 1.50 an image's configuration had all its fields, empty ones too. */
function withEmptyFields(view: ImageInspect): ImageInspect {
  const Config = {
    Hostname: "",
    Domainname: "",
    User: "",
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: "",
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
    ...view.Config,
  };
  return { ...view, Config };
}

export const imageRoutes: Route[] = [
  {
    method: "GET",
    path: "/images/json",
    name: "image.list",
    handle: async (exchange) => {
      const { query } = exchange;
      const filters = query.filters();
      // Before 1.25 a reference came as its own parameter.
      if (query.has("filter")) filters["reference"] = [query.text("filter")];
      const options = { all: query.flag("all"), digests: query.flag("digests"), filters };
      exchange.send(200, await exchange.engine.imageList(options, exchange.context));
    },
  },
  {
    method: "GET",
    path: "/images/get",
    name: "image.save",
    handle: (exchange) =>
      imageSave(
        exchange,
        exchange.query.all("names").flatMap((name) => name.split(",")),
      ),
  },
  {
    method: "GET",
    path: "/images/{}/get",
    name: "image.save",
    handle: (exchange) => imageSave(exchange, [exchange.params[0]!]),
  },
  {
    method: "GET",
    path: "/images/{}/history",
    name: "image.history",
    handle: async (exchange) => {
      const items = await exchange.engine.imageHistory(exchange.params[0]!, exchange.context);
      exchange.send(200, items);
    },
  },
  {
    method: "GET",
    path: "/images/{}/json",
    name: "image.inspect",
    handle: async (exchange) => {
      const view = await exchange.engine.imageInspect(exchange.params[0]!, exchange.context);
      exchange.send(200, exchange.atLeast(1, 50) ? view : withEmptyFields(view));
    },
  },
  {
    method: "POST",
    path: "/images/load",
    name: "image.load",
    handle: (exchange) => {
      const options = { quiet: exchange.query.flag("quiet", true) };
      const { engine, context } = exchange;
      return sendMessages(exchange, engine.imageLoad(exchange.body(), options, context));
    },
  },
  { method: "POST", path: "/images/create", name: "image.create", handle: imageCreate },
  {
    method: "POST",
    path: "/images/{}/tag",
    name: "image.tag",
    handle: async (exchange) => {
      const { query, engine, context } = exchange;
      const [name] = exchange.params;
      await engine.imageTag(name!, query.text("repo"), query.text("tag"), context);
      exchange.sendEmpty(201);
    },
  },
  {
    method: "POST",
    path: "/images/prune",
    name: "image.prune",
    handle: async (exchange) => {
      const filters = exchange.query.filters();
      exchange.send(200, await exchange.engine.imagePrune(filters, exchange.context));
    },
  },
  {
    method: "DELETE",
    path: "/images/{}",
    name: "image.remove",
    handle: async (exchange) => {
      const { query, engine, context } = exchange;
      const options = { force: query.flag("force"), noPrune: query.flag("noprune") };
      exchange.send(200, await engine.imageRemove(exchange.params[0]!, options, context));
    },
  },
  { method: "POST", path: "/commit", name: "container.commit", handle: commit },
];
