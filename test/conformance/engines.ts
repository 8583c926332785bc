/**
 * The engines that the suite is run against, each with what the suite needs of it. An engine that is asked for and not
 * there fails: none is skipped.
 */
import * as NodeStream from "@effect/platform-node-shared/NodeStream"
import { Data, Deferred, Effect, Layer, Stream } from "effect"
import { Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Docker from "effect-containers/layers/Docker"
import * as Memory from "effect-containers/layers/Memory"
import * as Swarm from "effect-containers/layers/Swarm"
import * as Testing from "effect-containers/testing"
import { createReadStream, existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createServer } from "node:net"
import { conforming } from "../../scripts/engines/chosen.ts"
import { archive, makeImage } from "../../scripts/engines/image.ts"
import { row } from "../../scripts/engines/table.ts"
import { relay } from "../layers/containerd/build/relay.ts"
import { busybox } from "./busybox.ts"

class Unreadable extends Data.TaggedError("Unreadable")<{ readonly path: string; readonly cause: unknown }> {}

/** What provisions the engines says in the environment where they are. */
const given = (name: string): Effect.Effect<string> =>
  Effect.suspend(() => {
    const variable = `EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`
    const value = process.env[variable]
    return value === undefined || value === ""
      ? Effect.die(
        new Error(`${variable} is not set: run the suite by "npm run conformance", which starts its engines`)
      )
      : Effect.succeed(value)
  })

/** A server that takes connections and says nothing; an engine reaches it at this machine's address. */
const silent = Effect.gen(function*() {
  const machine = yield* given("machine")
  const reached = yield* Deferred.make<void>()
  const left = yield* Deferred.make<void>()
  const port = yield* Effect.acquireRelease(
    Effect.callback<{ readonly close: () => void; readonly port: number }>((resume) => {
      let connections = 0
      const server = createServer((socket) => {
        connections++
        Deferred.doneUnsafe(reached, Effect.void)
        socket.on("error", () => {})
        socket.on("close", () => {
          if (--connections === 0) Deferred.doneUnsafe(left, Effect.void)
        })
        // Reading is what shows that the other side has closed.
        socket.resume()
      })
      server.on("error", (error) => resume(Effect.die(error)))
      server.listen(0, () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )
  return { address: `${machine}:${port.port}`, reached: Deferred.await(reached), left: Deferred.await(left) }
}).pipe(Effect.orDie)

/**
 * What no client can mend, by where the engine comes from: runc before 1.1.13 sets a further process's limits while that
 * raises its own.
 */
const runcWays = (name: string): ReadonlyArray<Testing.Way> =>
  row(name)?.suite === "bookworm" ? ["it may raise a further process's limit of open files"] : []

/** Of Podman's API. */
const podmanWays = (name: string): ReadonlyArray<Testing.Way> => [
  "a push tells nothing of layers",
  "an image of no registry has a digest",
  "its archives tell no owners",
  ...row(name)?.suite === "forky" ? [] : ["its times of output are whole seconds"] as const,
  ...row(name)?.suite === "bookworm"
    ? [
      "it never says that memory ran out",
      "what has no network has received and sent nothing",
      "its networks may come to reach each other"
    ] as const
    : []
]

/** Docker's containerd looks for memory that ran out and for the end at once, and the end may come first. */
const dockerWays = (name: string): ReadonlyArray<Testing.Way> => [
  ...runcWays(name),
  "it may miss that memory ran out",
  ...row(name)?.kind === "podman" ? podmanWays(name) : []
]

/** Who is not root makes no control groups of version 1. */
const lacks = (name: string): ReadonlyArray<Testing.Part> =>
  row(name)?.rootless === true && !existsSync("/sys/fs/cgroup/cgroup.controllers") ? ["pause", "usage"] : []

const docker = (name: string) =>
  Testing.suite({
    name,
    layer: Layer.unwrap(
      Effect.gen(function*() {
        const host = yield* given(name)
        const publishedHost = yield* given(`${name}-address`)
        return Docker.layer({
          host,
          publishedHost,
          // A bridge takes longer than the rest of a container; those that are about networks ask for one.
          network: "none",
          healthTimeout: 60_000,
          connectTimeout: 60_000
        })
      })
    ),
    fixture: Layer.effect(
      Testing.Fixture,
      Effect.gen(function*() {
        const path = yield* given("image")
        const archive = NodeStream.fromReadable<Uint8Array, Unreadable>({
          evaluate: () => createReadStream(path),
          onError: (cause) => new Unreadable({ path, cause })
        })
        yield* Image.fromArchive(archive)
        const registry = yield* given("registry")
        return {
          image: "busybox:test",
          registries: { address: registry, down: "127.0.0.1:1", silent },
          missing: lacks(name),
          ways: dockerWays(name)
        }
      })
    )
  })

/** A service of Docker 20.10 cannot do without a filter of system calls; its log loses what is alone in the last block. */
const swarmWays = (name: string): ReadonlyArray<Testing.Way> => [
  ...runcWays(name),
  "it may miss that memory ran out",
  "what nobody keeps nobody reads",
  ...row(name)?.suite === "bookworm"
    ? ["it always has its own filter of system calls", "a line of whole blocks loses its end"] as const
    : []
]

/** What is in no registry is brought to the one of the suite where there is more than one node. */
const swarm = (name: string) => {
  const is = row(name)
  const nodes = is?.kind === "swarm" ? is.hosts.length : 1
  return Testing.suite({
    name,
    layer: Layer.unwrap(
      Effect.gen(function*() {
        const host = yield* given(name)
        const registry = nodes > 1 ? `${yield* given("registry")}/nodes` : undefined
        const others = Array.from({ length: nodes - 1 }, (_, index) => `${name}-${index + 2}`)
        const reached = yield* Effect.forEach(
          others,
          (node) => Effect.map(given(node), (host) => [node, { host }] as const)
        )
        return Swarm.layer({
          host,
          registry,
          nodes: Object.fromEntries(reached),
          healthTimeout: 60_000,
          connectTimeout: 60_000
        })
      })
    ),
    fixture: Layer.effect(
      Testing.Fixture,
      Effect.gen(function*() {
        const path = yield* given("image")
        yield* imported(yield* Effect.promise(() => readFile(path)))
        const registry = yield* given("registry")
        return {
          image: "busybox:test",
          ways: swarmWays(name),
          registries: { address: registry, down: "127.0.0.1:1", silent }
        }
      })
    )
  })
}

const down = "registry.down:5000"

const memory = Testing.suite({
  name: "memory",
  layer: Memory.layer({
    images: [busybox],
    registry: [],
    faults: [
      Memory.Fault.refuse("pull", "Unavailable", { when: ({ target }) => target.startsWith(down) }),
      Memory.Fault.refuse("push", "Unavailable", { when: ({ target }) => target.startsWith(down) })
    ]
  }),
  fixture: Layer.effect(
    Testing.Fixture,
    Effect.gen(function*() {
      const engine = yield* Memory.Engine
      let count = 0
      const silent = Effect.gen(function*() {
        const address = `registry.silent:${5000 + count++}`
        const reached = yield* Deferred.make<void>()
        const when = ({ target }: { readonly target: string }) => {
          const here = target.startsWith(address)
          if (here) Deferred.doneUnsafe(reached, Effect.void)
          return here
        }
        yield* Effect.asVoid(
          Effect.acquireRelease(engine.fault(Memory.Fault.hang("pull", { when })), (undo) => undo)
        )
        return { address, reached: Deferred.await(reached) }
      })
      return {
        image: busybox.name,
        missing: ["pause", "usage"],
        ways: ["its processes have no network", "its files have no owners"] as const,
        registries: { address: "registry.test:5000", down, silent }
      }
    })
  )
})

/** Reads an archive into the engine that is given. */
const imported = (archive: Uint8Array) => Image.fromArchive(Stream.make(archive))

/** The fixture's image with other settings: made here, as a build would. */
const settled = (name: string, settings: Testing.ImageSettings) =>
  Effect.flatMap(
    Effect.promise(() =>
      makeImage({
        // Each a new one, as a build makes it.
        created: new Date().toISOString(),
        config: {
          Env: [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ...Object.entries(settings.env ?? {}).map(([name, value]) => `${name}=${value}`)
          ],
          ...(settings.labels === undefined ? {} : { Labels: settings.labels }),
          ...(settings.workDir === undefined ? {} : { WorkingDir: settings.workDir }),
          ...(settings.user === undefined ? {} : { User: settings.user }),
          ...(settings.entrypoint === undefined ? {} : { Entrypoint: settings.entrypoint, Cmd: [] }),
          ...(settings.command === undefined ? {} : { Cmd: settings.command }),
          ...(settings.volumes === undefined
            ? {}
            : { Volumes: Object.fromEntries(settings.volumes.map((path) => [path, {}])) })
        }
      })
    ),
    (image) => Effect.asVoid(imported(archive(image, [name])))
  )

/** With a `buildkit`, that one is what builds. */
const containerd = (name: string, buildkit?: string) =>
  Testing.suite({
    name: buildkit ?? name,
    layer: Layer.unwrap(Effect.gen(function*() {
      const registry = yield* given("registry")
      return Containerd.layer({
        ...buildkit === undefined
          ? { builder: "buildah" as const }
          : { builder: "buildkit" as const, buildkit: (yield* relay(yield* given(buildkit))).socket },
        // A bridge takes a tenth of a second for each container; those that are about networks ask for one.
        network: "none",
        address: yield* given(name),
        namespace: yield* given(`${name}-namespace`),
        folder: yield* given(`${name}-folder`),
        rootless: row(name)?.rootless === true ? "enabled" : "disabled",
        cni: {
          plugins: yield* given(`${name}-cni`),
          bridge: yield* given(`${name}-bridge`),
          subnet: yield* given(`${name}-subnet`),
          pool: yield* given(`${name}-pool`)
        },
        buildah: yield* given(`${name}-buildah`),
        registries: { hosts: { [registry]: { plainHttp: true } } },
        connectTimeout: 60_000
      })
    })),
    fixture: Layer.effect(
      Testing.Fixture,
      Effect.gen(function*() {
        const path = yield* given("image")
        yield* imported(yield* Effect.promise(() => readFile(path)))
        const registry = yield* given("registry")
        return {
          image: "busybox:test",
          makeImage: settled,
          missing: lacks(name),
          ways: [
            ...runcWays(name),
            ...row(name)?.rootless === true
              ? ["its files are given to root alone", "its images' volumes are in the container's own layer"] as const
              : []
          ],
          registries: { address: registry, down: "127.0.0.1:1", silent }
        }
      })
    )
  })

/** A BuildKit is another builder of the same containerd: only what is about builds is asked of it. */
const building = (name: string) => {
  const suite = containerd("containerd", name)
  return { ...suite, cases: suite.cases.filter(({ group }) => group === "build") }
}

const suiteOf = (name: string) => {
  if (name === "memory") return memory
  const kind = row(name)?.kind
  if (kind === "swarm") return swarm(name)
  return kind === "containerd" ? containerd(name) : kind === "buildkit" ? building(name) : docker(name)
}

export const suites = conforming.map(suiteOf)
