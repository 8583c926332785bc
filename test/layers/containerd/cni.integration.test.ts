/**
 * Containers on a bridge: what reaches them, whom they reach, and that nothing of it is left on the machine.
 */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule, Scope, Stream } from "effect"
import { type Backend, Container, Image, Network } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { deepStrictEqual, match, notDeepStrictEqual } from "node:assert"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onMachine } from "../../../scripts/engines/bridges.ts"
import { versions } from "./engine.ts"

const given = (name: string, what = ""): string =>
  process.env[`EFFECT_CONTAINERS_TEST_${name.toUpperCase()}${what === "" ? "" : `_${what}`}`] ?? ""

/** One address, on the bridge and in the subnet of all the others. */
const small = (name: string) => ({
  cniVersion: "0.4.0",
  name: "small",
  plugins: [{
    type: "bridge",
    bridge: given(name, "BRIDGE"),
    isGateway: true,
    ipam: {
      type: "host-local",
      ranges: [[{
        subnet: given(name, "SUBNET"),
        rangeStart: given(name, "SUBNET").replace("0/24", "250"),
        rangeEnd: given(name, "SUBNET").replace("0/24", "250")
      }]]
    }
  }]
})

const layerOf = (name: string, networks: string) =>
  Containerd.layer({
    address: given(name),
    namespace: given(name, "NAMESPACE"),
    folder: given(name, "FOLDER"),
    cni: {
      plugins: given(name, "CNI"),
      bridge: given(name, "BRIDGE"),
      subnet: given(name, "SUBNET"),
      pool: given(name, "POOL"),
      networks
    }
  })

const job = (command: string) =>
  Container.make("busybox:test").pipe(
    Container.pull("never"),
    Container.command(command),
    Container.stopWith({ grace: 0 })
  )

/** It says where it is, and serves. */
const server = job(
  "hostname -i; ip route; echo; mkdir /www && echo hello >/www/index.html && exec httpd -f -p 8080 -h /www"
)

const reasonOf = (error: { readonly _tag: string; readonly reason?: { readonly _tag: string } }): string =>
  error.reason?._tag ?? error._tag

const patiently = Schedule.upTo(Schedule.spaced("100 millis"), { times: 100 })

const ask = (port: number | undefined) =>
  Effect.tryPromise(() =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } }).then((r) => r.text())
  )

/** What there is of containers: addresses, links, rules, ports. */
const traces = (name: string) =>
  Effect.promise(async () => {
    const addresses = join(dirname(given(name, "CNI")), "lib/cni/networks")
    const files = existsSync(addresses)
      ? readdirSync(addresses, { recursive: true, encoding: "utf8" }).filter((path) => /\d+\.\d+\.\d+\.\d+$/.test(path))
      : []
    const links = `/sys/class/net/${given(name, "BRIDGE")}/brif`
    const rules = (await onMachine("iptables-save")).split("\n").filter((line) =>
      [given(name, "NAMESPACE"), given(name, "SUBNET").replace("0/24", ""), given(name, "POOL").replace("0.0/16", "")]
        .some((part) => line.includes(part))
    )
    const claimed = (what: string) => {
      const folder = `/run/effect-containers/${what}`
      return existsSync(folder)
        ? readdirSync(folder).filter((file) =>
          readFileSync(join(folder, file), "utf8").startsWith(`${given(name, "FOLDER")}/`)
        )
        : []
    }
    return {
      files,
      links: existsSync(links) ? readdirSync(links) : [],
      rules,
      ports: claimed("ports"),
      networks: [...claimed("networks"), ...existsSync(madeOf(name)) ? [madeOf(name)] : []],
      made: readdirSync("/sys/class/net").filter((link) => link.startsWith(madeLink(name))),
      routing: (await onMachine("ip", "rule")).split("\n").filter((line) => line.includes(madeLink(name)))
    }
  })

/** How the links begin of networks that are made. */
const madeLink = (name: string): string => `${given(name, "BRIDGE").slice(0, 11)}-`

/** Where those networks are. */
const madeOf = (name: string): string => join(given(name, "FOLDER"), given(name, "NAMESPACE"), ".networks")

const none = { files: [], links: [], rules: [], ports: [], networks: [], made: [], routing: [] }

const using = <A, E>(
  name: string,
  body: (networks: string) => Effect.Effect<A, E, Backend.Backend | Scope.Scope>
) =>
  Effect.scoped(Effect.gen(function*() {
    const networks = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "efc-networks-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    writeFileSync(join(networks, "10-small.conflist"), JSON.stringify(small(name)))
    yield* Effect.scoped(Effect.gen(function*() {
      yield* Image.fromArchive(Stream.make(readFileSync(process.env["EFFECT_CONTAINERS_TEST_IMAGE"] ?? "")))
      return yield* body(networks)
    })).pipe(Effect.provide(layerOf(name, networks)))
    deepStrictEqual(yield* traces(name), none)
  }))

/** Starts a container by a Layer that is then closed, as by a program that dies. */
const abandoned = (name: string, networks: string, self: Container.Container) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layerOf(name, networks), scope)
    const own = yield* Scope.make()
    const { id } = yield* Container.start(self).pipe(Scope.provide(own), Effect.provide(context))
    yield* Scope.close(scope, Exit.void)
    return id
  })

describe.each(versions)("%s", (name) => {
  it.live("a server is reached through a port, containers reach each other and the way out", () =>
    using(name, () =>
      Effect.gen(function*() {
        const first = yield* Container.start(Container.port(server, 8080))
        const { ports } = yield* first.inspect
        deepStrictEqual(yield* Effect.retry(ask(ports[0]?.hostPort), patiently), "hello\n")
        const said = yield* first.stdout.pipe(
          Stream.decodeText,
          Stream.splitLines,
          Stream.takeWhile((line) => line !== ""),
          Stream.runCollect
        )
        const [address = "", ...routes] = said
        deepStrictEqual(routes.some((route) => route.startsWith("default via")), true)
        deepStrictEqual(yield* Container.string(job(`wget -q -O - http://${address}:8080/`)), "hello\n")
      })))

  // The rule alone: the test image has no server of datagrams.
  it.live("a port for datagrams has a rule", () =>
    using(name, () =>
      Effect.gen(function*() {
        const { inspect } = yield* Container.start(Container.port(job("sleep 60"), 7, { protocol: "udp" }))
        const { ports } = yield* inspect
        deepStrictEqual(ports.map(({ containerPort, protocol }) => [containerPort, protocol]), [[7, "udp"]])
        const { rules } = yield* traces(name)
        match(rules.join("\n"), new RegExp(`-p udp .*--dport ${ports[0]?.hostPort} -j DNAT --to-destination \\S+:7`))
      })))

  it.live("a port that is taken is a Conflict, and leaves nothing", () =>
    using(name, () =>
      Effect.gen(function*() {
        const listening = createServer()
        listening.listen(0, "127.0.0.1")
        yield* Effect.promise(() => once(listening, "listening"))
        const address = listening.address()
        const hostPort = typeof address === "object" && address !== null ? address.port : 0
        const wants = (hostPort: number, hostIp?: string) =>
          Effect.flip(Effect.scoped(Container.start(
            job("sleep 60").pipe(Container.port(80, { hostPort, ...(hostIp === undefined ? {} : { hostIp }) }))
          )))
        const byProgram = yield* wants(hostPort)
        yield* Effect.sync(() => listening.close())
        deepStrictEqual(reasonOf(byProgram), "Conflict")
        const { inspect } = yield* Container.start(Container.port(job("sleep 60"), 80))
        const { ports } = yield* inspect
        const byContainer = yield* wants(ports[0]?.hostPort ?? 0)
        match(byContainer.message, new RegExp(String(ports[0]?.hostPort)))
        const byWildcard = yield* wants(ports[0]?.hostPort ?? 0, "0.0.0.0")
        deepStrictEqual([byContainer, byWildcard].map(reasonOf), ["Conflict", "Conflict"])
      })))

  it.live("a network of the administrator's, until its addresses are used up", () =>
    using(name, () =>
      Effect.gen(function*() {
        const one = Container.network(job("hostname -i; exec sleep 60"), "small")
        const { stdout } = yield* Container.start(one)
        const said = yield* stdout.pipe(Stream.decodeText, Stream.splitLines, Stream.take(1), Stream.runCollect)
        deepStrictEqual(said, [given(name, "SUBNET").replace("0/24", "250")])
        const full = yield* Effect.flip(Effect.scoped(Container.start(one)))
        deepStrictEqual(reasonOf(full), "ResourceExhausted")
        const ported = yield* Effect.flip(Effect.scoped(Container.start(Container.port(one, 80))))
        deepStrictEqual(reasonOf(ported), "Unsupported")
      })))

  it.live("who removes a container of a program that died leaves nothing of its network", () =>
    using(name, (networks) =>
      Effect.gen(function*() {
        const id = yield* abandoned(name, networks, Container.port(server, 8080))
        const { ports } = yield* Container.inspect(id)
        deepStrictEqual(yield* Effect.retry(ask(ports[0]?.hostPort), patiently), "hello\n")
        yield* Container.remove(id, { force: true })
      })))

  it.live("nor if it has ended meanwhile", () =>
    using(name, (networks) =>
      Effect.gen(function*() {
        const id = yield* abandoned(name, networks, Container.port(job("sleep 1"), 8080))
        yield* Effect.sleep("3 seconds")
        notDeepStrictEqual((yield* traces(name)).rules, [])
        yield* Container.remove(id, { force: true })
      })))

  it.live("a network that is made has a link, a way out and ports, and leaves nothing", () =>
    using(name, () =>
      Effect.gen(function*() {
        const { name: network } = yield* Network.make()
        const self = Container.network(Container.port(server, 8080), network, { aliases: ["db"] })
        const first = yield* Container.start(self)
        const { port } = yield* first.port(8080)
        deepStrictEqual(yield* Effect.retry(ask(port), patiently), "hello\n")
        const [address = "", ...routes] = yield* first.stdout.pipe(
          Stream.decodeText,
          Stream.splitLines,
          Stream.takeWhile((line) => line !== ""),
          Stream.runCollect
        )
        const { subnets } = yield* Network.inspect(network)
        match(address, new RegExp(`^${given(name, "POOL").replace("0.0/16", "")}`))
        deepStrictEqual(routes.some((route) => route.startsWith("default via")), true)
        deepStrictEqual(subnets, [address.replace(/\d+$/, "0/24")])
        const { made, networks, routing } = yield* traces(name)
        deepStrictEqual([made.length, networks.length, routing.length], [1, 3, 2])
        // Somebody who writes there himself loses it, and nothing else.
        yield* Container.execRun(first, "echo '10.0.0.1 mine' >> /etc/hosts")
        const asks = Container.network(job("wget -q -O - http://db:8080/"), network)
        deepStrictEqual(yield* Container.string(asks), "hello\n")
      })))

  it.live("one of a program that died goes when it is removed, also after its containers ended by themselves", () =>
    using(name, (networks) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const network = yield* Scope.provide(Network.make(), scope)
        const id = yield* abandoned(name, networks, Container.network(job("sleep 1"), network))
        yield* Effect.sleep("3 seconds")
        const inUse = yield* Effect.flip(Network.remove(network.name))
        deepStrictEqual(reasonOf(inUse), "Conflict")
        match(inUse.message, new RegExp(id))
        yield* Container.remove(id, { force: true })
        yield* Scope.close(scope, Exit.void)
      })))

  it.live("subnets that overlap are a Conflict, and those of nobody's choice do not", () =>
    using(name, () =>
      Effect.gen(function*() {
        const subnet = given(name, "POOL").replace("0.0/16", "8.0/24")
        yield* Network.make({ subnet })
        const wants = (subnet: string) => Effect.flip(Effect.scoped(Network.make({ subnet })))
        const errors = [
          yield* wants(subnet),
          yield* wants(subnet.replace("0/24", "128/25")),
          yield* wants(given(name, "SUBNET"))
        ]
        deepStrictEqual(errors.map(reasonOf), ["Conflict", "Conflict", "Conflict"])
        // Whom nobody else sees may have whichever.
        yield* Network.make({ subnet, internal: true })
        const made = yield* Effect.forEach(Array.from({ length: 8 }), () => Network.make(), { concurrency: 8 })
        const all = yield* Effect.forEach(made, ({ name }) => Network.inspect(name))
        deepStrictEqual(new Set([subnet, ...all.flatMap(({ subnets }) => subnets)]).size, 9)
      })))

  it.live("what is there besides: the default network and the administrator's, which nobody removes", () =>
    using(name, () =>
      Effect.gen(function*() {
        const all = yield* Network.list()
        deepStrictEqual(all.map(({ driver, name }) => [name, driver]), [["bridge", "bridge"], ["small", "bridge"]])
        deepStrictEqual(all.map(({ subnets }) => subnets), [[given(name, "SUBNET")], [given(name, "SUBNET")]])
        const removed = [yield* Effect.flip(Network.remove("bridge")), yield* Effect.flip(Network.remove("small"))]
        deepStrictEqual(removed.map(reasonOf), ["PermissionDenied", "PermissionDenied"])
        deepStrictEqual(reasonOf(yield* Effect.flip(Effect.scoped(Network.make({ name: "small" })))), "AlreadyExists")
        const aliased = Container.network(job("true"), "bridge", { aliases: ["other"] })
        deepStrictEqual(reasonOf(yield* Effect.flip(Container.run(aliased))), "Unsupported")
        const asked = [{ driver: "macvlan" }, { ipv6: true }, { options: { mtu: "9000" } }, { subnet: "fd00::/64" }]
        const refused = yield* Effect.forEach(asked, (options) => Effect.flip(Effect.scoped(Network.make(options))))
        deepStrictEqual(refused.map(reasonOf), asked.map(() => "Unsupported"))
      })))
})
