/**
 * A Swarm of four nodes of a test's own, whose nodes lose their power and their cables: three managers and a worker.
 */
import { Context, Data, Effect, Layer, Schedule, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Swarm from "effect-containers/layers/Swarm"
import { archive, makeImage } from "../../scripts/engines/image.ts"
import { start } from "../../scripts/engines/start.ts"
import { ask, type Node, ready } from "../../scripts/engines/swarm.ts"

const row = "swarm28x4"

/** For so long a node may be away before its containers count as lost: milliseconds. */
export const lostAfter = 15_000

/** What a busy machine adds, the Swarm seeing it after three beats of a second, and our looking each second: milliseconds. */
const busy = 15_000

/** Who waits is told of a lost node in that time: milliseconds. */
export const bound = lostAfter + busy

/** Managers that lose their leader elect another 10 to 20 s later. Who waits is told that they do not after this: milliseconds. */
const managerTimeout = 30_000

/** In that time: milliseconds. */
export const managersBound = managerTimeout + busy

class NotYet extends Data.TaggedError("NotYet")<{ readonly code: string }> {}

/** Until it holds: a machine that is busy takes its time. */
export const until = (what: string, holds: () => Promise<boolean>): Effect.Effect<void, NotYet> =>
  Effect.promise(() => holds().catch(() => false)).pipe(
    Effect.filterOrFail((is) => is, () => new NotYet({ code: what })),
    Effect.retry(Schedule.upTo(Schedule.spaced("200 millis"), { times: 300 })),
    Effect.asVoid
  )

const begin = async () => {
  const engines = await start([row, "registry", "registry-auth"])
  const nodes = engines.engines[row]?.nodes ?? []
  const registry = `${engines.registries["registry"]}/nodes`
  const nodeOf = (number: number): Node => {
    const found = nodes[number - 1]
    if (found === undefined) throw new Error(`there is no node ${number}`)
    return found
  }
  const layer = (manager: number, more: Swarm.SwarmConfig = {}) =>
    Layer.orDie(Swarm.layer({
      host: `unix://${nodeOf(manager).socket}`,
      registry,
      lostAfter,
      managerTimeout,
      healthTimeout: 60_000,
      requestTimeout: 10_000,
      ...more
    }))
  return { engines, nodeOf, layer, image: archive(await makeImage(), ["busybox:test"]) }
}

const states = async (socket: string) =>
  await ask(socket, "GET", "/nodes") as ReadonlyArray<{
    readonly ID: string
    readonly Version: { readonly Index: number }
    readonly Spec: object
    readonly Description: { readonly Hostname: string }
    readonly ManagerStatus?: { readonly Leader?: boolean }
  }>

const make = Effect.gen(function*() {
  const { engines, image, layer, nodeOf } = yield* Effect.acquireRelease(
    Effect.promise(begin),
    ({ engines }) => Effect.promise(() => engines.stop())
  )
  const tell = (what: "power" | "cable", number: number, on: boolean) =>
    Effect.sync(() => engines.tell({ node: nodeOf(number).name, what, on }))
  const isReady = (number: number, seenBy: number) => async () =>
    (await ready(nodeOf(seenBy).socket)).includes(nodeOf(number).name)
  const answers = (number: number) => async () => {
    await ask(nodeOf(number).socket, "GET", "/_ping").catch((error: unknown) => {
      // Two letters, which are no JSON.
      if (!(error instanceof SyntaxError)) throw error
    })
    return true
  }
  /** What runs on a node, as its own engine sees it. */
  const running = (number: number) =>
    Effect.promise(async () =>
      (await ask(nodeOf(number).socket, "GET", "/containers/json") as ReadonlyArray<object>).length
    )
  /** Takes something from a node for as long as the scope lasts, and waits until it is a node again. */
  const without = (what: "power" | "cable", number: number) => {
    const other = number === 1 ? 2 : 1
    return Effect.acquireRelease(tell(what, number, false), () =>
      Effect.orDie(
        Effect.andThen(tell(what, number, true), until(`node ${number} is back`, isReady(number, other)))
      ))
  }
  const swarm = {
    name: (number: number) => nodeOf(number).name,
    privateRegistry: engines.registries["registry-auth"] ?? "",
    /** What a manager says. */
    ask: (path: string) => Effect.promise(() => ask(nodeOf(1).socket, "GET", path)),
    numberOf: (name: string) => Number(/-(\d)$/.exec(name)?.[1]),
    layer,
    without,
    tell,
    running,
    isReady,
    answers,
    idle: (number: number) =>
      until(
        `nothing runs on node ${number}`,
        async () => (await ask(nodeOf(number).socket, "GET", "/containers/json") as ReadonlyArray<object>).length === 0
      ),
    leader: Effect.promise(async () => {
      const nodes = await states(nodeOf(2).socket)
      return Number(/-(\d)$/.exec(nodes.find((node) => node.ManagerStatus?.Leader)?.Description.Hostname ?? "")?.[1])
    }),
    /** What is said of a node: whether it takes work, its labels. */
    change: (
      number: number,
      what: { readonly Availability?: "active" | "drain"; readonly Labels?: Readonly<Record<string, string>> }
    ) =>
      Effect.promise(async () => {
        const node = (await states(nodeOf(1).socket)).find(({ Description }) =>
          Description.Hostname === nodeOf(number).name
        )
        if (node === undefined) throw new Error(`node ${number} is none`)
        await ask(nodeOf(1).socket, "POST", `/nodes/${node.ID}/update?version=${node.Version.Index}`, {
          ...node.Spec,
          ...what
        })
      }),
    tasks: (service: string) =>
      Effect.promise(async () =>
        (await ask(nodeOf(2).socket, "GET", "/tasks") as ReadonlyArray<{ readonly ServiceID: string }>).filter((
          { ServiceID }
        ) => ServiceID === service).length
      )
  }
  // The registry has it, and each node does, before anything happens.
  yield* Effect.forEach([1, 2, 3, 4], (number) =>
    Image.fromArchive(Stream.make(new Uint8Array(image))).pipe(
      Effect.andThen(on(swarm.name(number))(Container.run(job("true")))),
      Effect.provide(layer(Math.min(number, 3)))
    ))
  return swarm
})

/** A job that knows its node. */
export const job = (command: string, role = "run") =>
  Container.make("busybox:test").pipe(
    Container.pull("never"),
    Container.command(command),
    Container.stopWith({ grace: 0 }),
    Container.label("faults", role),
    // The Swarm fills it in.
    Container.variable("NODE", "{{.Node.Hostname}}")
  )

/** On one node and no other, if it is what else is asked. */
export const on = (node: string, ...constraints: ReadonlyArray<string>) =>
  Swarm.place({ constraints: [`node.hostname==${node}`, ...constraints] })

export class Cluster extends Context.Service<Cluster, Effect.Success<typeof make>>()("test/swarm/Cluster") {
  static readonly layer = Layer.effect(Cluster, make)
}
