import { BAD_TARS } from "./bad_tars.ts";

/** One request that a daemon must refuse, and how it is recognised that it did. */
export interface BadRequest {
  what: string;
  method: string;
  path: string;
  body?: string | Uint8Array | object;
  /** Statuses of which any will do; 200 only where the refusal comes within the stream. */
  status: number[];
  /** What Debian's old dockerd answers where later ones are stricter. */
  oldStatus?: number[];
  /** What the message must hold. */
  says: RegExp;
}

/** A container of this name runs while the requests are made. */
export const RUNNING = "running";
/** And this one was created with a program that is not there. */
export const UNSTARTABLE = "unstartable";
export const IMAGE = "catest:latest";

const create = (name: string, body: object | string): Omit<BadRequest, "what" | "says"> => ({
  method: "POST",
  path: `/containers/create?name=${name}`,
  body,
  status: [400],
});
const image = { Image: IMAGE, Cmd: ["true"] };

const CREATES: BadRequest[] = [
  { what: "a body that is not JSON", oldStatus: [500], ...create("bad", "not json"), says: /./ },
  {
    what: "a body that ends half-way",
    oldStatus: [500],
    ...create("bad", '{"Image": "cat'),
    says: /./,
  },
  { what: "no body", oldStatus: [500], ...create("bad", ""), says: /./ },
  {
    what: "a list where a text belongs",
    oldStatus: [500],
    ...create("bad", { ...image, User: [] }),
    says: /./,
  },
  {
    what: "an unknown image",
    ...create("bad", { ...image, Image: "nowhere:latest" }),
    status: [404],
    says: /No such image: nowhere:latest/,
  },
  {
    what: "an image name with capitals and control characters",
    ...create("bad", { ...image, Image: "Bad\u0001Name" }),
    says: /invalid reference format/,
  },
  ...["a/b", "../up", "..", "a%0Ab", "a%01b", "%20", "-a", "aaa%2F.."].map((name) => ({
    what: `the name ${name}`,
    ...create(name, image),
    says: /Invalid container name/,
  })),
  {
    what: "a name that is taken",
    ...create(RUNNING, image),
    status: [409],
    says: /already in use/,
  },
  {
    what: "a relative working folder",
    ...create("bad", { ...image, WorkingDir: "tmp" }),
    says: /working directory|WorkingDir|tmp/,
  },
  {
    what: "a bind mount of nothing",
    ...create("bad", {
      ...image,
      HostConfig: { Mounts: [{ Type: "bind", Source: "/no/such", Target: "/x" }] },
    }),
    says: /\/no\/such/,
  },
  {
    what: "a volume on a relative path",
    oldStatus: [500],
    ...create("bad", { ...image, HostConfig: { Binds: ["/tmp:relative"] } }),
    says: /relative/,
  },
  {
    what: "an unknown runtime",
    ...create("bad", { ...image, HostConfig: { Runtime: "no-such-runtime" } }),
    says: /no-such-runtime/,
  },
];

const EXECS: BadRequest[] = [
  {
    what: "an exec body that is not JSON",
    oldStatus: [500],
    method: "POST",
    path: `/containers/${RUNNING}/exec`,
    body: "{",
    status: [400],
    says: /./,
  },
  {
    what: "an exec without a command",
    method: "POST",
    path: `/containers/${RUNNING}/exec`,
    body: {},
    status: [400],
    says: /[Nn]o exec command/,
  },
  {
    what: "the start of an exec that is not there",
    method: "POST",
    path: "/exec/nobody/start",
    body: { Detach: false },
    status: [404],
    says: /nobody/,
  },
  {
    what: "the start of a container without its program",
    method: "POST",
    path: `/containers/${UNSTARTABLE}/start`,
    status: [400],
    says: /\/no\/such\/program/,
  },
];

const LOOK_UPS: BadRequest[] = [
  ...["nobody", "..", "a%2Fb", "%00", "a%0Ab"].map((name) => ({
    what: `a look at container ${name}`,
    method: "GET",
    path: `/containers/${name}/json`,
    status: [400, 404],
    says: /./,
  })),
  ...["start", "stop", "kill", "pause", "restart", "wait", "exec"].map((verb) => ({
    what: `${verb} of a container that is not there`,
    method: "POST",
    path: `/containers/nobody/${verb}`,
    body: verb === "exec" ? { Cmd: ["true"] } : {},
    status: [404],
    says: /No such container: nobody/,
  })),
  {
    what: "the removal of a container that runs",
    method: "DELETE",
    path: `/containers/${RUNNING}`,
    status: [409],
    says: /running container/,
  },
  {
    what: "the removal of an image that is not there",
    method: "DELETE",
    path: "/images/nowhere:latest",
    status: [404],
    says: /No such image: nowhere:latest/,
  },
  {
    what: "an unknown signal",
    method: "POST",
    path: `/containers/${RUNNING}/kill?signal=SIGWISH`,
    status: [400, 500],
    says: /SIGWISH|[Ii]nvalid signal/,
  },
  { what: "an unknown path", method: "GET", path: "/nonsense", status: [404], says: /not found/ },
  {
    what: "filters that are not JSON",
    oldStatus: [500],
    method: "GET",
    path: "/containers/json?filters=%7B",
    status: [400],
    says: /./,
  },
];

const ARCHIVES: BadRequest[] = BAD_TARS.flatMap(({ what, bytes }) => [
  {
    what: `an import of ${what}`,
    method: "POST",
    path: "/images/create?fromSrc=-&repo=bad",
    body: bytes,
    status: [200, 400, 500],
    says: /./,
  },
  {
    what: `a load of ${what}`,
    method: "POST",
    path: "/images/load",
    body: bytes,
    status: [200, 400, 500],
    says: /./,
  },
]);

const COPIES: BadRequest[] = [
  {
    what: "a copy of what is not a tar into a container",
    method: "PUT",
    path: `/containers/${RUNNING}/archive?path=/tmp`,
    body: "this is no tar ".repeat(100),
    status: [400, 500],
    says: /./,
  },
  {
    what: "a copy into a folder that is not there",
    method: "PUT",
    path: `/containers/${RUNNING}/archive?path=/no/such`,
    body: BAD_TARS[0]!.bytes,
    status: [404],
    says: /\/no\/such/,
  },
  {
    what: "a copy of a path that leaves the container",
    method: "GET",
    path: `/containers/${RUNNING}/archive?path=/../../../../../etc/hostname-of-the-host`,
    status: [404],
    says: /hostname-of-the-host/,
  },
  {
    what: "a copy without a path",
    method: "GET",
    path: `/containers/${RUNNING}/archive`,
    status: [400],
    says: /path/,
  },
];

export const BAD_REQUESTS: BadRequest[] = [
  ...CREATES,
  ...EXECS,
  ...LOOK_UPS,
  ...ARCHIVES,
  ...COPIES,
];
