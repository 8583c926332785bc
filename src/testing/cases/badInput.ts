import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Backend, make } from "../../Backend.ts"
import * as BuildContext from "../../BuildContext.ts"
import * as Container from "../../Container.ts"
import * as Image from "../../Image.ts"
import { type Case, group } from "../case.ts"
import { type Expected, fails, type Failure } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("bad input")

const called = (what: string) => () => Effect.die(new Error(`the engine was called: ${what}`))
const calledStream = (what: string) => () => Stream.die(new Error(`the engine was called: ${what}`))

/** As the engine under test, but any call of it is a defect. */
const untouched = Effect.gen(function*() {
  const { capabilities, name } = yield* Backend
  return yield* make({
    name,
    capabilities,
    health: Effect.die(new Error("the engine was called: health")),
    pull: calledStream("pull"),
    push: calledStream("push"),
    build: calledStream("build"),
    inspectImage: called("inspectImage"),
    listImages: called("listImages"),
    tagImage: called("tagImage"),
    removeImage: called("removeImage"),
    importImages: called("importImages"),
    exportImages: calledStream("exportImages"),
    create: called("create"),
    start: called("start"),
    attach: called("attach"),
    wait: called("wait"),
    signal: called("signal"),
    stop: called("stop"),
    remove: called("remove"),
    inspect: called("inspect"),
    list: called("list"),
    logs: calledStream("logs"),
    resize: called("resize"),
    exec: called("exec"),
    copyIn: called("copyIn"),
    copyOut: calledStream("copyOut"),
    events: calledStream("events")
  })
})

const refused = <A, E extends Failure>(
  name: string,
  effect: (image: string) => Effect.Effect<A, E, Backend>,
  expected: (image: string) => Expected
): Case =>
  it(
    name,
    Effect.gen(function*() {
      const { image } = yield* Fixture
      yield* fails(Effect.provideServiceEffect(effect(image), Backend, untouched), expected(image))
    })
  )

type Option = (self: Container.Container) => Container.Container

/** An option that is not valid, the field that the error names, and what its message has to name. */
const options: ReadonlyArray<readonly [name: string, option: Option, field: string, names: ReadonlyArray<string>]> = [
  ["an empty command", Container.command([]), "command", ["empty"]],
  ["a command of blanks", Container.command("  "), "command", ["empty"]],
  ["a command without an executable", Container.command(["", "x"]), "command", ["executable"]],
  ["a NUL in a command", Container.command(["a\0b"]), "command", ["NUL"]],
  ["a NUL in a script", Container.command("a\0b"), "command", ["NUL"]],
  ["a NUL in an entrypoint", Container.entrypoint(["a\0b"]), "entrypoint", ["NUL"]],
  ["an empty shell", Container.shell([]), "shell", ["empty"]],
  ["a variable without a name", Container.variable("", "x"), "variable", ["name"]],
  ["a variable with an equals sign in its name", Container.variable("A=B", "x"), "variable", ["A=B"]],
  ["a NUL in a variable's name", Container.variable("A\0", "x"), "variable", ["NUL"]],
  ["a NUL in a variable's value", Container.variable("A", "x\0"), "variable", ["NUL", "A"]],
  ["a directory that is not absolute", Container.workDir("src"), "workDir", ["src", "absolute"]],
  ["a user of two words", Container.user("a b"), "user", ["a b"]],
  ["an empty user", Container.user(""), "user", ["uid"]],
  ["a host name with an underscore", Container.hostname("a_b"), "hostname", ["a_b"]],
  ["a name with a slash", Container.name("a/b"), "name", ["a/b"]],
  ["an empty name", Container.name(""), "name", ["name"]],
  ["a label without a name", Container.label("", "x"), "label", ["name"]],
  ["one of our own labels", Container.label("effect-containers.owner", "x"), "label", ["effect-containers.owner"]],
  ["a volume's target that is not absolute", Container.volume("data", "data"), "volume", ["absolute"]],
  ["a volume at the root", Container.volume("data", "/"), "volume", ["root"]],
  ["a volume at the root by another name", Container.volume("data", "/a/.."), "volume", ["root"]],
  ["a volume's source that is neither", Container.volume("a/b", "/data"), "volume", ["a/b"]],
  ["an empty source", Container.volume("", "/data"), "volume", ["path"]],
  [
    "two volumes at one place",
    (self) => self.pipe(Container.volume("one", "/data"), Container.volume("two", "/data/")),
    "volume",
    ["/data"]
  ],
  [
    "a volume and a tmpfs at one place",
    (self) => self.pipe(Container.volume("one", "/data"), Container.tmpfs("/data")),
    "tmpfs",
    ["/data"]
  ],
  ["a tmpfs that is not absolute", Container.tmpfs("scratch"), "tmpfs", ["absolute"]],
  ["a tmpfs of no size", Container.tmpfs("/scratch", { size: -1 }), "tmpfs", ["size"]],
  ["port 0", Container.port(0), "port", ["0"]],
  ["port 65536", Container.port(65_536), "port", ["65536"]],
  ["half a port", Container.port(80.5), "port", ["80.5"]],
  ["a host's port of 70000", Container.port(80, { hostPort: 70_000 }), "port", ["70000"]],
  ["an address that is none", Container.port(80, { hostIp: "1.2.3" }), "port", ["1.2.3"]],
  ["a network without a name", Container.network(""), "network", ["empty"]],
  ["a name of no host", Container.extraHost("a_b", "192.0.2.1"), "extraHost", ["\"a_b\""]],
  ["a host by a name that is none", Container.hostAccess("a b"), "hostAccess", ["\"a b\""]],
  ["a host without a network", (self) => Container.hostAccess(Container.network(self, "none")), "hostAccess", [
    "network"
  ]],
  ["a host at no address", Container.extraHost("host", "host-gateway"), "extraHost", ["\"host-gateway\"", "\"host\""]],
  ["a name server at no address", Container.dns(["dns.example"]), "dns", ["\"dns.example\""]],
  ["a domain that is none", Container.dns([], { search: ["a b"] }), "dns", ["\"a b\""]],
  ["an option of two words", Container.dns([], { options: ["ndots 2"] }), "dns", ["\"ndots 2\""]],
  ["an empty health check", Container.healthcheck([]), "healthcheck", ["empty"]],
  ["a health check of blanks", Container.healthcheck(" "), "healthcheck", ["empty"]],
  ["a NUL in a health check", Container.healthcheck(["a\0b"]), "healthcheck", ["NUL"]],
  [
    "a health check all the time",
    Container.healthcheck(["true"], { interval: 0 }),
    "healthcheck",
    ["interval", "1 millisecond"]
  ],
  ["a health check that takes no time", Container.healthcheck(["true"], { timeout: -1 }), "healthcheck", ["timeout"]],
  [
    "a start that never ends",
    Container.healthcheck(["true"], { startPeriod: Number.POSITIVE_INFINITY }),
    "healthcheck",
    ["startPeriod"]
  ],
  ["a health check that may never fail", Container.healthcheck(["true"], { retries: 0 }), "healthcheck", ["0"]],
  ["a run that starts again", Container.restart("always"), "restart", ["run"]],
  ["a log driver without a name", Container.logDriver(""), "logDriver", ["empty"]],
  ["memory of less than nothing", Container.memory(-1), "memory", ["size"]],
  ["memory that is no number", Container.memory(Number.NaN), "memory", ["size"]],
  [
    "more memory reserved than there is",
    Container.memory("64 MiB", { reservation: "65 MiB" }),
    "memory",
    ["reservation", "over the limit"]
  ],
  ["too little memory", Container.memory("1 MiB"), "memory", ["6 MiB"]],
  // What a program without types can hand over.
  ["no capability of Linux", Container.capAdd("FLY" as "KILL"), "capAdd", ["\"FLY\""]],
  ["a capability with its prefix", Container.capDrop("CAP_KILL" as "KILL"), "capDrop", ["\"CAP_KILL\""]],
  ["a device by a relative path", Container.device("dev/zero"), "device", ["\"dev/zero\"", "not absolute"]],
  ["a device with no access", Container.device("/dev/zero", { access: "x" }), "device", ["\"x\""]],
  ["a device with access given twice", Container.device("/dev/zero", { access: "rr" }), "device", ["\"rr\""]],
  [
    "an action of no filter",
    Container.seccomp({ defaultAction: "ALLOW" as "SCMP_ACT_ALLOW", syscalls: [] }),
    "seccomp",
    ["\"ALLOW\""]
  ],
  [
    "a filter's rule about nothing",
    Container.seccomp({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [], action: "SCMP_ACT_ERRNO" }] }),
    "seccomp",
    ["without the name"]
  ],
  ["an AppArmor profile of two words", Container.apparmor("a b"), "apparmor", ["\"a b\""]],
  ["no label of SELinux", Container.selinux("container_t"), "selinux", ["\"container_t\""]],
  ["a runtime without a name", Container.runtime(""), "runtime", ["\"\""]],
  ["half a GPU", Container.gpus(0.5), "gpus", ["0.5"]],
  ["GPUs of no id", Container.gpus([]), "gpus", ["id"]],
  ["no time at all", Container.timeLimit(0), "timeLimit", ["not longer than nothing"]],
  ["no CPUs", Container.cpus(0), "cpus", ["0"]],
  ["infinitely many CPUs", Container.cpus(Number.POSITIVE_INFINITY), "cpus", ["Infinity"]],
  ["a single share of the CPUs", Container.cpuShares(1), "cpuShares", ["1"]],
  ["more shares than there are", Container.cpuShares(262_145), "cpuShares", ["262145"]],
  ["no list of CPUs", Container.cpuset("0,,1"), "cpuset", ["\"0,,1\""]],
  ["CPUs of no number", Container.cpuset([]), "cpuset", ["\"\""]],
  ["a score over 1000", Container.oomScoreAdj(1001), "oomScoreAdj", ["1001"]],
  ["no shared memory", Container.shmSize(0), "shmSize", ["size"]],
  ["shared memory of no size", Container.shmSize(-1), "shmSize", ["size"]],
  ["a limit that there is not", Container.ulimit("files" as "nofile", 1), "ulimit", ["\"files\"", "nofile"]],
  ["a limit of less than nothing", Container.ulimit("nofile", -1), "ulimit", ["-1", "nofile"]],
  ["half a limit", Container.ulimit("nofile", 1.5), "ulimit", ["1.5"]],
  [
    "a soft limit over the hard one",
    Container.ulimit("nofile", { soft: "unlimited", hard: 10 }),
    "ulimit",
    ["unlimited", "10"]
  ],
  ["a setting of the whole machine", Container.sysctl("vm.swappiness", "1"), "sysctl", ["\"vm.swappiness\""]],
  ["a setting that is none", Container.sysctl("net", "1"), "sysctl", ["\"net\""]],
  [
    "a network's setting in the machine's network",
    (self) => self.pipe(Container.network("host"), Container.sysctl("net.core.somaxconn", "9")),
    "sysctl",
    ["net.core.somaxconn", "host"]
  ],
  ["no processes", Container.pids(0), "pids", ["0"]],
  ["half a process", Container.pids(1.5), "pids", ["1.5"]],
  ["a platform that is none", Container.platform("amd64"), "platform", ["amd64"]],
  ["a stop signal that is none", Container.stopWith({ signal: "SIGNOPE" }), "stopWith", ["SIGNOPE"]],
  ["an exit code of 256", Container.expect([256]), "expect", ["256"]],
  ["an exit code of less than 0", Container.expect([-1]), "expect", ["-1"]],
  ["an output limit that is no size", Container.outputLimit(-5), "outputLimit", ["size"]]
]

const badReferences = [
  "",
  "UPPER",
  "a//b",
  "-a",
  "a:b:c",
  "image:",
  "image@sha256:abc",
  "a b",
  "image:ü",
  "x".repeat(300)
]

const text = new TextEncoder()

const builds = (context: BuildContext.BuildContext) => () =>
  Stream.runDrain(Image.build("efc-conformance-bad", context))

/** The same of what is for containers that are started. */
const restarts: typeof options = [
  ["a restart policy that there is not", Container.restart("often" as "always"), "restart", ["\"often\"", "always"]],
  [
    "a number of restarts for always",
    Container.restart("always", { maximumRetryCount: 2 }),
    "restart",
    ["on-failure", "\"always\""]
  ],
  ["no restart at all on failure", Container.restart("on-failure", { maximumRetryCount: 0 }), "restart", ["0"]]
]

export const cases: ReadonlyArray<Case> = [
  ...options.map(([name, option, field, names]) =>
    refused(
      name,
      (image) => Container.run(option(Container.make(image))),
      (image) => ({ tag: "ContainerOptions", image, field, names })
    )
  ),
  ...restarts.map(([name, option, field, names]) =>
    refused(
      name,
      (image) => Effect.scoped(Container.start(option(Container.make(image)))),
      (image) => ({ tag: "ContainerOptions", image, field, names })
    )
  ),
  refused(
    "the source of a bind mount that is not there",
    (image) =>
      Effect.flatMap(Backend, ({ capabilities }) =>
        capabilities.localPaths && capabilities.bindMounts
          ? Container.run(Container.volume(Container.make(image), "/no/such/directory", "/data"))
          // Its paths cannot be checked from here: at least the target is.
          : Container.run(Container.volume(Container.make(image), "/no/such/directory", "/"))),
    (image) => ({ tag: "ContainerOptions", image, field: "volume", names: [image] })
  ),
  ...badReferences.flatMap((reference) => {
    const shown = JSON.stringify(reference.length > 20 ? `${reference.slice(0, 20)}...` : reference)
    return [
      refused(
        `an image called ${shown}`,
        () => Container.run(Container.make(reference)),
        () => ({ tag: "ContainerOptions", image: reference, field: "image" })
      ),
      refused(`resolving ${shown}`, () => Image.resolve(reference), () => ({ tag: "ImageOptions", image: reference })),
      refused(
        `pulling ${shown}`,
        () => Stream.runDrain(Image.pull(reference)),
        () => ({ tag: "ImageOptions", image: reference })
      )
    ]
  }),
  refused("inspecting a bad name", () => Image.inspect("A"), () => ({ tag: "ImageOptions", image: "A" })),
  refused("asking whether a bad name exists", () => Image.exists("A"), () => ({ tag: "ImageOptions", image: "A" })),
  refused("removing a bad name", () => Image.remove("A"), () => ({ tag: "ImageOptions", image: "A" })),
  refused("tagging a bad name", () => Image.tag("A", "b"), () => ({ tag: "ImageOptions", image: "A" })),
  refused("tagging with a bad name", (image) => Image.tag(image, "B"), () => ({ tag: "ImageOptions", image: "B" })),
  refused(
    "exporting a bad name",
    () => Stream.runDrain(Image.toArchive(["A"])),
    () => ({ tag: "ImageOptions", image: "A" })
  ),
  refused(
    "pushing a bad name",
    () => Stream.runDrain(Image.push("A")),
    () => ({ tag: "ImageOptions", image: "A" })
  ),
  refused(
    "pulling for a platform that is none",
    (image) => Stream.runDrain(Image.pull(image, { platform: "amd64" })),
    (image) => ({ tag: "ImageOptions", image, field: "platform", names: ["amd64"] })
  ),
  refused(
    "building an image with a bad name",
    () => Stream.runDrain(Image.build("A", BuildContext.fromDockerfile("FROM a"))),
    () => ({ tag: "ImageOptions", image: "A" })
  ),
  ...([
    ["a tar that is none", BuildContext.fromTar(text.encode("this is no tar archive\n".repeat(100))), "context", [
      "tar"
    ]],
    ["a tar that is empty", BuildContext.fromTar(new Uint8Array(0)), "context", ["tar"]],
    ["a tar that is not there", BuildContext.fromTar({ path: "/no/such/file.tar" }), "context", ["/no/such/file.tar"]],
    ["a directory that is not there", BuildContext.fromDirectory("/no/such/directory"), "context", [
      "/no/such/directory"
    ]],
    [
      "a Dockerfile that is not there",
      BuildContext.fromDirectory(import.meta.dirname, { dockerfile: "no-such-dockerfile" }),
      "dockerfile",
      ["no-such-dockerfile"]
    ],
    ["an empty Dockerfile", BuildContext.fromDockerfile(""), "dockerfile", ["empty"]]
  ] as const).map(([name, context, field, names]) =>
    refused(`building ${name}`, builds(context), () => ({
      tag: "ImageOptions",
      image: "efc-conformance-bad",
      field,
      names
    }))
  )
]
