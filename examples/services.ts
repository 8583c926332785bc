/**
 * Services in containers, as Layers: an application that needs a store. Each is started when it is needed, waited for until
 * it answers, and gone at the end; the store's address is the store's business, the application asks for it by its tag.
 *
 *     npm run example -- services
 */
import { Console, Context, Effect, Layer, Schema } from "effect"
import { Container, Ready } from "effect-containers"
import { engine, image } from "./engine.ts"

/** What the store's container is to the rest of the program. */
class Store extends Context.Service<Store, {
  readonly put: (name: string, text: string) => Effect.Effect<void, Container.ExecError | Errors>
  readonly content: (name: string) => Effect.Effect<string, Container.ExecError | Errors>
  readonly name: string
}>()("Store") {}

type Errors = Effect.Error<ReturnType<typeof Container.execString>>

class App extends Context.Service<App, { readonly report: typeof Report.Type }>()("App") {}

const Report = Schema.Struct({ store: Schema.String, checks: Schema.Int })

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

const main = Effect.gen(function*() {
  const { report } = yield* App
  yield* Console.log(`app: ${report.checks} checks, as its report says`)

  const { content, put } = yield* Store
  yield* put("greeting", "hello from a container\n")
  yield* Console.log(`store says: ${(yield* content("greeting")).trim()}`)
}).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(app, engine)))

await Effect.runPromise(main)
