/** A run of which nothing ends, whose log a manager does not give as it should. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Result, Stream } from "effect"
import { contact } from "effect-containers/layers/dockerApi/contact"
import type { Swarm } from "effect-containers/layers/swarm/known"
import { attach } from "effect-containers/layers/swarm/logs"
import { frame } from "../../hostile/docker/wire.ts"
import { type Handler, json, serve } from "../docker/fake.ts"

const line = (second: number) => frame("stdout", `2026-01-01T00:00:0${second}.000000000Z line ${second}\n`)

const begin = (response: Parameters<Handler>[1]) =>
  response.writeHead(200, { "Content-Type": "application/vnd.docker.raw-stream" })

/** What somebody reads who follows a run, two lines at most, from a manager that answers its requests one after the other. */
const followed = (...answers: ReadonlyArray<Handler>) =>
  Effect.gen(function*() {
    let asked = 0
    const { host } = yield* serve((request, response, path) => answers[asked++]?.(request, response, path))
    const { client } = yield* contact("swarm", { host })
    const seen = {
      isGone: false,
      lost: undefined,
      task: { status: { state: "running", container: { id: "c" } }, id: "t" }
    }
    const swarm = {
      client,
      layer: "l",
      known: new Map([["a", { run: 0, tty: false }]]),
      watch: {
        nodes: { nameOf: String },
        until: (_: unknown, decide: (seen: unknown) => Result.Result<unknown> | undefined) => {
          const decided = decide(seen)
          return decided === undefined ? Effect.never : Effect.fromResult(decided)
        }
      }
    } as unknown as Swarm
    return yield* Stream.unwrap(attach(swarm, "a")).pipe(
      Stream.take(2),
      Stream.runFold(() => "", (text, { bytes }) => text + Buffer.from(bytes).toString()),
      Effect.catch(({ _tag }) => Effect.succeed(_tag)),
      Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.succeed("hangs") })
    )
  })

describe("the log of a run that goes on", () => {
  it.live("is read on where it was when a manager cuts it", () =>
    Effect.gen(function*() {
      const text = yield* followed(
        (_, response) => {
          begin(response).write(line(1))
          setTimeout(() => response.destroy(), 50)
        },
        (_, response) => json(response, 503, { message: "no leader" }),
        (_, response) => {
          begin(response).write(line(1))
          response.write(line(2))
        }
      )
      assert.strictEqual(text, "line 1\nline 2\n")
    }))

  it.live("that may not be read is said at once, and not when the run has ended", () =>
    Effect.gen(function*() {
      const text = yield* followed((_, response) => json(response, 403, { message: "no" }))
      assert.strictEqual(text, "PermissionDenied")
    }))
})
