/**
 * Services in containers, as Layers: an application that needs a store. Each is started when it is needed, waited for until
 * it answers, and gone at the end; the store's address is the store's business, the application asks for it by its tag.
 * Then a program that knows only `ChildProcess` is moved into a container.
 *
 *     npm run example -- services
 */
import { Console, Context, Effect, Layer, Schema, Stream } from "effect"
import { Container, ContainerSpawner, Ready } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

/** What the store's container is to the rest of the program. */
class Store extends Context.Service<Store, {
  readonly put: (name: string, text: string) => Effect.Effect<void, Container.ExecError | Errors>
  readonly content: (name: string) => Effect.Effect<string, Container.ExecError | Errors>
  readonly name: string
}>()("Store") {}

type Errors = Effect.Error<ReturnType<typeof Container.execString>>

class App extends Context.Service<App, { readonly report: typeof Report.Type }>()("App") {}

const Report = Schema.Struct({ store: Schema.String, checks: Schema.Int })

const image = process.env["QUICKSTART_IMAGE"] ?? "busybox:1.37"

const job = (command: string) =>
  Container.make(image).pipe(Container.command(command), Container.stopWith({ grace: "1 second" }))

/** A web server. It is asked from inside: its port need not be published. */
const store = Container.layer(
  Store,
  job("mkdir -p /www; echo up > /www/health; echo serving; exec httpd -f -p 8080 -h /www").pipe(
    Container.variable("ROLE", "store")
  ),
  {
    ready: Ready.all(Ready.log("serving"), Ready.exec("wget -q -O - http://127.0.0.1:8080/health | grep -q up")),
    within: "30 seconds",
    make: (container) =>
      Effect.as(Console.log(`store: up as ${container.name}`), {
        name: container.name,
        put: (name, text) => Effect.asVoid(Container.execRun(container, `cat > /www/${name}`, { stdin: text })),
        content: (name) => Container.execString(container, ["wget", "-q", "-O", "-", `http://127.0.0.1:8080/${name}`])
      })
  }
)

/** Depends on the store, by its tag: it begins when the store is ready. */
const app = Layer.effect(
  App,
  Effect.gen(function*() {
    const { name } = yield* Store
    const report = yield* Container.json(
      job("echo checking >&2; echo \"{ \\\"store\\\": \\\"$STORE\\\", \\\"checks\\\": 3 }\"").pipe(
        Container.variable("STORE", name)
      ),
      Report
    )
    return { report }
  })
).pipe(Layer.provideMerge(store))

/** Knows nothing of containers. */
const wordCount = Effect.gen(function*() {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const words = ChildProcess.make("sort", [], { stdin: Stream.encodeText(Stream.make("b\na\nb\n")) })
  return yield* spawner.lines(ChildProcess.pipeTo(words, ChildProcess.make("uniq", ["-c"])))
})

const main = Effect.gen(function*() {
  const { report } = yield* App
  yield* Console.log(`app: ${report.checks} checks, as its report says`)

  const { content, put } = yield* Store
  yield* put("greeting", "hello from a container\n")
  yield* Console.log(`store says: ${(yield* content("greeting")).trim()}`)

  const tools = yield* Container.start(job("sleep 600"))
  const lines = yield* Effect.provide(wordCount, ContainerSpawner.layer(tools))
  yield* Console.log(`words: ${lines.map((line) => line.trim().replace(/\s+/, " x ")).join(", ")}`)
}).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(app, Docker.layer())))

await Effect.runPromise(main)
