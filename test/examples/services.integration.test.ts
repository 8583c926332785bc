/**
 * The database of `examples/services.ts` in tests: one PostgreSQL for all tests of a block, by the layer that the program
 * has, and none when they are over.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Container, Filter, Image } from "effect-containers"
import * as Database from "../../examples/database.ts"
import { archive } from "../../scripts/engines/image.ts"
import { makePostgres } from "../../scripts/engines/postgres.ts"
import { suites } from "../conformance/engines.ts"

const image = Layer.effectDiscard(
  Effect.gen(function*() {
    const bytes = yield* Effect.promise(async () => archive(await makePostgres(), [Database.image]))
    yield* Image.fromArchive(Stream.make(new Uint8Array(bytes)))
  })
)

/** Containers take their time: the clock of the tests would stand still. */
const options = { excludeTestServices: true, timeout: "3 minutes" } as const

const containers = Effect.map(Container.list(Filter.make("ancestor", Database.image)), (all) => all.length)

for (const suite of suites.filter(({ name }) => name !== "memory")) {
  describe(`on ${suite.name}`, () => {
    const engine = Layer.provideMerge(image, suite.layer)

    layer(Layer.provideMerge(Database.layer, engine), options)("with a database", (it) => {
      it.effect("a table that one test makes", () =>
        Effect.gen(function*() {
          const { query } = yield* Database.Database
          yield* query("create table notes (id int primary key, text text not null)")
          yield* query("insert into notes values ($1, $2), ($3, $4)", 1, "one", 2, "naïve – ü\n")
          assert.deepStrictEqual([...yield* query("select id, text from notes order by id")], [
            { id: 1, text: "one" },
            { id: 2, text: "naïve – ü\n" }
          ])
        }), 60_000)

      it.effect("is there in the next one: it is the same database", () =>
        Effect.gen(function*() {
          const { query } = yield* Database.Database
          assert.deepStrictEqual([...yield* query("select count(*)::int as count from notes")], [{ count: 2 }])
          assert.strictEqual(yield* containers, 1)
        }), 60_000)

      it.effect("says what is wrong with a query", () =>
        Effect.gen(function*() {
          const { query } = yield* Database.Database
          const error = yield* Effect.flip(query("select * from nothing"))
          assert.strictEqual(error._tag, "QueryFailed")
          assert.include(error.message, "relation \"nothing\" does not exist")
        }), 60_000)

      it.effect(
        "a client in the container speaks to it too, and without the password nobody does",
        () =>
          Effect.gen(function*() {
            const { container } = yield* Database.Database
            const asks = (host: string) =>
              Container.execRun(container, ["psql", "-w", "-h", host, "-Atc", "select 6 * 7"], { expect: [0, 2] })
            assert.strictEqual((yield* asks("/tmp")).logs.stdoutText, "42\n")
            assert.include((yield* asks("127.0.0.1")).logs.stderrText, "no password supplied")
          }),
        60_000
      )
    })

    layer(engine, options)("afterwards", (it) => {
      it.effect("it is gone", () =>
        Effect.gen(function*() {
          assert.strictEqual(yield* containers, 0)
        }), 60_000)
    })
  })
}
