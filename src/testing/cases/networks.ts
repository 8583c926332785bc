import * as Effect from "effect/Effect"
import { Backend } from "../../Backend.ts"
import * as Container from "../../Container.ts"
import * as Filter from "../../Filter.ts"
import * as Network from "../../Network.ts"
import * as Owner from "../../Owner.ts"
import * as Ready from "../../Ready.ts"
import { type Case, group, job, mostly, unique } from "../case.ts"
import { equal, fails, holds } from "../expect.ts"
import { Fixture } from "../fixture.ts"

const it = group("networks")

/** Goes on when the engine makes networks. When it does not, it says so, and refuses what needs them. */
const made = <E, R>(body: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const backend = yield* Backend
    if (backend.capabilities.networks) return yield* body
    yield* fails(Effect.scoped(Network.make()), { tag: "NetworkCreate", reason: "Unsupported", names: [backend.name] })
    const aliased = Container.network(yield* job(["true"]), "bridge", { aliases: ["other"] })
    yield* fails(Container.run(aliased), { tag: "ContainerCreate", reason: "Unsupported", names: [backend.name] })
  })

const page = "echo hello > /tmp/index.html; exec httpd -f -p 8000 -h /tmp"

/** Ends with 0 once a server of this name has answered. */
const reaches = (host: string) => `until wget -q -O - http://${host}:8000/; do sleep 0.1; done`

/** Ends with 0 if there is one that answers now. */
const tries = (host: string) => `timeout 5 wget -q -O - http://${host}:8000/`

const exists = (network: string) =>
  Network.inspect(network).pipe(
    Effect.as(true),
    Effect.catchReason("NetworkInspect", "NotFound", () => Effect.succeed(false))
  )

export const cases: ReadonlyArray<Case> = [
  it(
    "containers of one network find each other by name and by alias",
    made(Effect.gen(function*() {
      const network = yield* Network.make({ internal: true })
      const name = yield* unique("web")
      const server = Container.network(yield* job(page), network, { aliases: ["web", "www"] })
      yield* Container.start(Container.name(server, name))
      if ((yield* Fixture).ways?.includes("its processes have no network") === true) return
      for (const host of [name, "web", "www"]) {
        const asks = yield* job(reaches(host))
        yield* equal(host, yield* Container.string(Container.network(asks, network)), "hello\n")
      }
    }))
  ),
  it(
    "one that runs already finds those that come later, until they go",
    made(Effect.gen(function*() {
      if ((yield* Fixture).ways?.includes("its processes have no network") === true) return
      const network = yield* Network.make({ internal: true })
      const [name, alias] = [yield* unique("late"), yield* unique("alias")]
      const first = yield* Container.start(Container.network(yield* job(["sleep", "600"]), network))
      const asks = (command: string) => Container.execExitCode(first, command)
      yield* holds("before", (yield* asks(tries(name))) !== 0 && (yield* asks(tries(alias))) !== 0, name)
      yield* Effect.scoped(Effect.gen(function*() {
        const late = Container.network(yield* job(page), network, { aliases: [alias] })
        const second = yield* Container.start(Container.name(late, name))
        yield* equal("while it runs", [yield* asks(reaches(name)), yield* asks(reaches(alias))], [0, 0])
        yield* equal("its own names", yield* Container.execExitCode(second, tries(alias)), 0)
      }))
      yield* holds("after", (yield* asks(tries(name))) !== 0 && (yield* asks(tries(alias))) !== 0, name)
    }))
  ),
  it(
    "a network does not reach the containers of another, but the host reaches both",
    made(mostly(
      "its networks may come to reach each other",
      Effect.gen(function*() {
        if ((yield* Fixture).ways?.includes("its processes have no network") === true) return
        const says = (word: string) =>
          Effect.map(
            job(`hostname -i > /tmp/address; echo ${word} > /tmp/index.html; exec httpd -f -p 8080 -h /tmp`),
            Container.port(8080, { hostIp: "0.0.0.0" })
          )
        const [one, two] = [yield* Network.make(), yield* Network.make()]
        const first = yield* Container.start(Container.network(yield* says("one"), one))
        const second = yield* Container.start(Container.network(yield* says("two"), two))
        yield* Effect.forEach([first, second], (container) => Ready.wait(container, Ready.http("/", { port: 8080 })))
        const addressOf = (container: Container.ContainerHandle) =>
          Effect.map(Container.readText(container, "/tmp/address"), (text) => text.trim())
        const asks = (from: Container.ContainerHandle, address: string) =>
          Container.execExitCode(from, `timeout 3 wget -q -O - http://${address}:8080/`)
        yield* equal("its own", yield* asks(first, yield* addressOf(first)), 0)
        yield* holds("the other's", (yield* asks(first, yield* addressOf(second))) !== 0, yield* addressOf(second))
        yield* holds("and back", (yield* asks(second, yield* addressOf(first))) !== 0, yield* addressOf(first))
      })
    ))
  ),
  it(
    "a container is in several networks, and knows nothing of others",
    made(Effect.gen(function*() {
      // One that leads out of it may come with a further interface.
      const [one, two] = [yield* Network.make({ internal: true }), yield* Network.make({ internal: true })]
      const self = (yield* job("ls /sys/class/net | grep -c eth")).pipe(
        Container.network(one, { aliases: ["a"] }),
        Container.network(two, { aliases: ["b"] })
      )
      yield* equal("interfaces", yield* Container.string(self), "2\n")
      if ((yield* Fixture).ways?.includes("its processes have no network") === true) return
      // It is known in each by the names that it has there.
      const both = (yield* job(page)).pipe(
        Container.network(one, { aliases: ["a"] }),
        Container.network(two, { aliases: ["b"] })
      )
      yield* Container.start(both)
      const asks = (network: Network.Network, command: string) =>
        Effect.flatMap(job(command), (self) => Container.exitCode(Container.network(self, network)))
      yield* equal("its names", [yield* asks(one, reaches("a")), yield* asks(two, reaches("b"))], [0, 0])
      yield* holds("the other's", (yield* asks(one, tries("b"))) !== 0 && (yield* asks(two, tries("a"))) !== 0, "found")
    }))
  ),
  it(
    "one that is made is as it was asked for, is listed, and goes with its scope",
    made(Effect.gen(function*() {
      const value = yield* unique("network")
      const asked = { labels: { "conformance.network": value }, internal: true, subnet: "10.213.7.0/24" }
      const name = yield* Effect.scoped(Effect.gen(function*() {
        const network = yield* Network.make(asked)
        const info = yield* Network.inspect(network.name)
        yield* equal("what it is", [info.id, info.name, info.internal, info.ipv6, info.subnets], [
          network.id,
          network.name,
          true,
          false,
          [asked.subnet]
        ])
        yield* equal("its label", info.labels["conformance.network"], value)
        const listed = yield* Network.list(Filter.label("conformance.network", value))
        yield* equal("those with its label", listed, [info])
        yield* holds("all", (yield* Network.list()).some(({ id }) => id === network.id), network.id)
        return network.name
      }))
      yield* equal("exists", yield* exists(name), false)
    }))
  ),
  it(
    "a name that is taken is refused",
    made(Effect.gen(function*() {
      const name = yield* unique("taken")
      yield* Network.make({ name })
      yield* fails(Effect.scoped(Network.make({ name })), { tag: "NetworkCreate", reason: "AlreadyExists" })
      yield* equal("exists", yield* exists(name), true)
    }))
  ),
  it(
    "one with a container in it is not removed, and then it is",
    made(Effect.gen(function*() {
      const { name } = yield* Network.make()
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Container.start(Container.network(yield* job(["sleep", "600"]), name))
        yield* fails(Network.remove(name), { tag: "NetworkRemove", reason: "Conflict", names: [name] })
      }))
      yield* Network.remove(name)
      yield* fails(Network.remove(name), { tag: "NetworkRemove", reason: "NotFound", names: [name] })
      yield* fails(Network.inspect(name), { tag: "NetworkInspect", reason: "NotFound", names: [name] })
    }))
  ),
  it(
    "a network that is not there is named, and no image is pulled for it",
    made(Effect.gen(function*() {
      const network = yield* Network.make()
      const self = Container.network(Container.network(yield* job(["true"]), network), "efc-no-such-network")
      yield* fails(Container.run(Container.pull(self, "missing")), { names: ["efc-no-such-network"] })
    }))
  ),
  it(
    "sweep removes those of dead owners, with what was in them",
    made(Effect.gen(function*() {
      const dead = Effect.provideServiceEffect(
        Owner.Owner,
        // Greater than any process id of Linux.
        Effect.map(Owner.Owner, (here) => ({ ...here, pid: 2_000_000_000 }))
      )
      const mine = yield* Network.make()
      const self = yield* job(["sleep", "600"])
      const theirs = yield* Effect.gen(function*() {
        const network = yield* Network.make()
        yield* Container.start(Container.network(self, network))
        return network
      }).pipe(
        dead,
        // Another case may sweep in between.
        Effect.retry({ times: 5, while: (error) => "reason" in error && error.reason._tag === "NotFound" })
      )
      const { networks } = yield* Container.sweep()
      yield* holds("swept", networks.every(({ id }) => id !== mine.id), networks)
      yield* equal("what is there", [yield* exists(mine.name), yield* exists(theirs.name)], [true, false])
    }))
  ),
  ...([
    ["a name that is none", { name: "a b" }, "name"],
    ["the name of the engine's own", { name: "bridge" }, "name"],
    ["a subnet that is none", { subnet: "10.0.0.0" }, "subnet"],
    ["a gateway that is none", { subnet: "10.0.0.0/24", gateway: "x" }, "gateway"],
    ["a gateway of no subnet", { gateway: "10.0.0.1" }, "gateway"]
  ] as const).map(([name, options, field]) =>
    it(`${name} is refused before the engine is asked`, fails(Network.make(options), { tag: "NetworkOptions", field }))
  )
]
