/**
 * Services in containers, as Layers: an application that needs a database. The database is a real PostgreSQL: started when
 * it is needed, waited for until it answers, and gone at the end. Its address is its own business; the application asks for
 * it by its tag.
 *
 *     npm run example -- services
 */
import { Console, Context, Effect, Layer, Schema, Stream } from "effect"
import { Container } from "effect-containers"
import * as Database from "./database.ts"
import { engine, image } from "./engine.ts"

// ---------------------------------------------------------------------------------------------------------------------
// the application: it keeps readings, and a container computes what is to be kept
// ---------------------------------------------------------------------------------------------------------------------

class Readings extends Context.Service<Readings, {
  readonly add: (place: string, degrees: number) => Effect.Effect<void, Database.QueryFailed>
  readonly warmest: Effect.Effect<string, Database.QueryFailed>
}>()("Readings") {}

/** Depends on the database: it begins when that is ready, and makes its table there. */
const readings = Layer.effect(
  Readings,
  Effect.gen(function*() {
    const { query } = yield* Database.Database
    yield* query("create table readings (place text primary key, degrees int not null)")
    return {
      add: (place, degrees) => Effect.asVoid(query("insert into readings values ($1, $2)", place, degrees)),
      warmest: Effect.map(
        query("select place from readings order by degrees desc limit 1"),
        ([row]) => String(row?.["place"])
      )
    }
  })
)

/** What the sensors say: objects, a line each. */
const Reading = Schema.Struct({ place: Schema.String, degrees: Schema.Int })

const sensors = Container.make(image).pipe(
  Container.command(
    "for at in cellar:9 attic:31 kitchen:21; do echo \"{ \\\"place\\\": \\\"${at%:*}\\\", \\\"degrees\\\": ${at#*:} }\"; done"
  ),
  Container.network("none")
)

const main = Effect.gen(function*() {
  const { add, warmest } = yield* Readings
  const { container, query } = yield* Database.Database
  const [version] = yield* query("show server_version")
  yield* Console.log(`database: PostgreSQL ${String(version?.["server_version"])}, as ${container.name}`)

  const said = yield* Container.ndjson(sensors, Reading).pipe(Stream.runCollect)
  yield* Effect.forEach(said, ({ degrees, place }) => add(place, degrees), { discard: true })
  yield* Console.log(`application: ${said.length} readings are kept, the warmest place is the ${yield* warmest}`)

  // A place is kept once: the database says so, and the program goes on.
  const again = yield* Effect.flip(add("attic", 12))
  yield* Console.log(`database says: ${again.message}`)

  // The same in the container itself, without a client here.
  const counted = yield* Container.execString(container, "psql --host /tmp -Atc 'select count(*) from readings'")
  yield* Console.log(`psql says: ${counted.trim()}`)
}).pipe(Effect.provide(readings.pipe(Layer.provideMerge(Database.layer), Layer.provideMerge(engine))))

await Effect.runPromise(main)
