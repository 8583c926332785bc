import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Container from "../../Container.ts"
import * as Ready from "../../Ready.ts"
import { type Case, group, isGone, job, tracked } from "../case.ts"
import { equal, fails } from "../expect.ts"

const it = group("services")

class Database extends Context.Service<Database, { readonly id: string; readonly says: string }>()(
  "effect-containers/testing/Database"
) {}

class App extends Context.Service<App, { readonly says: string }>()("effect-containers/testing/App") {}

const text = (handle: Container.ContainerHandle) => Stream.mkString(Stream.decodeText(handle.stdout))

const Report = Schema.Struct({ name: Schema.String, passed: Schema.Int })

export const cases: ReadonlyArray<Case> = [
  it(
    "one that needs another",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job("sleep 0.2; echo up; sleep 600"), tracked)
      const database = Container.layer(Database, container, {
        ready: Ready.log("up"),
        make: (handle) => Effect.succeed({ id: handle.id, says: "data" })
      })
      const app = Container.layer(
        App,
        Effect.gen(function*() {
          const { says } = yield* Database
          return Container.variable(yield* job("echo got $DATA"), "DATA", says)
        }),
        { ready: Ready.exited(0), make: (handle) => Effect.map(text(handle), (says) => ({ says })) }
      )
      const says = yield* Effect.provide(
        Effect.gen(function*() {
          const { id } = yield* Database
          yield* equal("state", (yield* Container.inspect(id)).state, "running")
          return (yield* App).says
        }),
        Layer.provideMerge(app, database)
      )
      yield* equal("says", says, "got data\n")
      yield* isGone(found)
    })
  ),
  it(
    "one that does not come up",
    Effect.gen(function*() {
      const { container, found } = yield* Effect.flatMap(job("echo no; exit 3"), tracked)
      const database = Container.layer(Database, container, {
        ready: Ready.log("up"),
        make: () => Effect.succeed({ id: "", says: "" })
      })
      yield* fails(Effect.provide(Database, database), {
        tag: "ContainerReady",
        reason: "Conflict",
        names: ["3", "no"]
      })
      yield* isGone(found)
    })
  ),
  it(
    "a value as output",
    Effect.gen(function*() {
      const self = yield* job("echo talk >&2; echo '{\"name\":\"a\",\"passed\":3}'")
      yield* equal("json", { ...(yield* Container.json(self, Report)) }, { name: "a", passed: 3 })
      yield* fails(Container.json(yield* job("echo nothing"), Report), { tag: "ContainerOutput", reason: "Protocol" })
      yield* fails(Container.json(yield* job("echo '{\"name\":1}'"), Report), {
        tag: "ContainerOutput",
        names: ["name"]
      })
      yield* fails(Container.json(yield* job("exit 3"), Report), { tag: "ExitCode" })
    })
  ),
  it(
    "values as output",
    Effect.gen(function*() {
      const self = yield* job(
        "echo '{\"name\":\"a\",\"passed\":3}'; echo; echo talk >&2; echo '{\"name\":\"b\",\"passed\":4}'"
      )
      const values = yield* Stream.runCollect(Container.ndjson(self, Report))
      yield* equal("ndjson", values.map(({ name, passed }) => [name, passed]), [["a", 3], ["b", 4]])
      const bad = yield* job("echo '{\"name\":\"a\",\"passed\":3}'; echo oops; sleep 600")
      const error = yield* fails(Stream.runDrain(Container.ndjson(bad, Report)), {
        tag: "ContainerOutput",
        reason: "Protocol",
        names: ["line 2"]
      })
      yield* equal("line", error._tag === "ContainerOutput" && error.line, 2)
    })
  )
]
