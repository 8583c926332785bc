import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { readFileSync } from "node:fs"

const host = process.env["EFFECT_CONTAINERS_TEST_DOCKER"]
const archive = process.env["EFFECT_CONTAINERS_TEST_IMAGE"]
const engine = Layer.unwrap(
  host === undefined
    ? Effect.die("EFFECT_CONTAINERS_TEST_DOCKER names no engine")
    : Effect.succeed(Docker.layer({ host, healthTimeout: 60_000, connectTimeout: 60_000 }))
)

const imported = Effect.suspend(() => Image.fromArchive(Stream.make(new Uint8Array(readFileSync(archive ?? "")))))

const job = Container.make("busybox:test").pipe(Container.pull("never"))

/** Says which container it is, and lets two go on that have no parent, and no variables to be known by. */
const stray = "env -i /bin/sh -c 'sleep 611 & sleep 611 &' >/dev/null 2>&1; hostname"

/** How many of them there are, and how many that have ended and that nobody has taken away. */
const counted = ["6[1]1' /proc/[0-9]*/cmdline", "State:.Z' /proc/[0-9]*/status"]
  .map((what) => `grep -l '${what} 2>/dev/null | wc -l`).join("; ")

describe("processes that a use has let go on without a parent", () => {
  it.live("are killed, and taken away", () =>
    Effect.gen(function*() {
      yield* imported
      const pool = yield* Container.pool(job, { size: 1 })
      const first = yield* pool.use((container) =>
        Effect.gen(function*() {
          const name = yield* Container.execString(container, stray)
          assert.strictEqual((yield* Container.execLines(container, counted))[0], "2")
          return name
        })
      )
      assert.strictEqual(yield* pool.string("hostname"), first)
      const gone = yield* Effect.repeat(pool.lines(counted), {
        until: ([, zombies]) => zombies === "0",
        schedule: Schedule.recurs(20)
      })
      assert.deepStrictEqual(gone, ["0", "0"])
    }).pipe(Effect.scoped, Effect.provide(engine)))

  it.live("of another user, whom the container's own may not kill: the container is replaced", () =>
    Effect.gen(function*() {
      yield* imported
      const pool = yield* Container.pool(Container.user(job, "1000:1000"), { size: 1 })
      const first = yield* pool.string(stray, { user: "0" })
      assert.notStrictEqual(yield* pool.string("hostname"), first)
      const second = yield* pool.string(stray)
      assert.strictEqual(yield* pool.string("hostname"), second)
    }).pipe(Effect.scoped, Effect.provide(engine)))
})

describe("a scratch directory that a use has made something else of", () => {
  it.live("has its container replaced", () =>
    Effect.gen(function*() {
      yield* imported
      const pool = yield* Container.pool(job, {
        size: 1,
        scratch: ["/scratch"],
        prepare: (container) => Container.execRun(container, "mkdir /scratch")
      })
      const first = yield* pool.string("rmdir /scratch; ln -s /etc /scratch; hostname")
      assert.notStrictEqual(yield* pool.string("hostname; test -d /scratch"), first)
    }).pipe(Effect.scoped, Effect.provide(engine)))
})
