import { type Backend, BuildContext, Container, type Errors, Image } from "effect-containers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { outcome, soon } from "../case.ts"
import type { Engine } from "./server.ts"

type Uses<A, E> = Effect.Effect<A, E, Backend.Backend>

const many = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? "" : what.endsWith("s") ? "es" : "s"}`

/** Reads a stream of statuses, and says how many came before its end. */
export const counted = <A, E>(
  stream: Stream.Stream<A, E, Backend.Backend>,
  show: (statuses: ReadonlyArray<A>) => string = ({ length }) => many(length, "status")
): Uses<string, never> =>
  Effect.suspend(() => {
    const seen: Array<A> = []
    return Effect.map(
      outcome(Stream.runForEach(stream, (status) => Effect.sync(() => seen.push(status))), () => "the end"),
      (end) => `${show(seen)}, then ${end}`
    )
  })

export const pull = counted(Image.pull("gcc:14"))
export const push = counted(Image.push("r.example/gcc:14"))
export const build = counted(Image.build("a", BuildContext.fromDockerfile("FROM busybox\nRUN false\n")))

export const resolve = outcome(Image.resolve("gcc:14"), ({ id }) => id.slice(0, 10))

/** Shortened, so that it can be shown. */
export const quoted = (text: string): string =>
  text.length > 40 ? `${JSON.stringify(text.slice(0, 12))}... (${text.length} characters)` : JSON.stringify(text)

const alpine = Container.make("alpine")

/** Runs a container and says what it wrote, and how that ended. */
export const run = (container: Container.Container = alpine): Uses<string, never> => {
  let out = ""
  let err = ""
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  const program = Container.run(container, {
    onOutput: (frames) =>
      Effect.sync(() => {
        for (const { bytes, source } of frames) {
          const text = decoders[source].decode(bytes, { stream: true })
          if (source === "stdout") out += text
          else err += text
        }
      })
  })
  return Effect.map(
    outcome(program, ({ exit, logs }) => {
      if (logs.stdoutText !== out || logs.stderrText !== err) return "an output other than was seen"
      return exit._tag === "Exited" ? `exit ${exit.code}` : exit._tag
    }),
    (end) => `${[out, err].filter((text) => text !== "").map(quoted).join(" and ") || "nothing"}, then ${end}`
  )
}

/** Reads what was kept of a container's output. */
export const logs = (options: Parameters<typeof Container.logs>[1] = {}): Uses<string, never> =>
  counted(Container.logs("a", options), (frames) => {
    const text = Buffer.concat(frames.map(({ bytes }) => bytes)).toString("utf8")
    return text === "" ? "nothing" : quoted(text)
  })

/** Interrupts it as soon as the engine was asked for this, and says whether that ended it, and its connection. */
export const interrupted = <A, E>(
  engine: Engine,
  at: string,
  effect: Effect.Effect<A, E, Backend.Backend>,
  options: { readonly connections?: number | undefined } = {}
): Uses<string, never> =>
  Effect.gen(function*() {
    const done = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(Effect.ensuring(effect, Deferred.succeed(done, undefined)))
    if (!(yield* soon(() => (engine.asked.get(at) ?? 0) > 0))) return "never asked"
    yield* Fiber.interrupt(fiber)
    const exit = yield* Fiber.await(fiber)
    const { sockets } = engine.fake()
    // One that is kept for the next request is no leak.
    const isClosed = yield* soon(() => sockets.size <= (options.connections ?? 0))
    const how = Exit.hasInterrupts(exit) ? "interrupted at once" : yield* outcome(exit)
    return isClosed ? how : `${how}, ${sockets.size} connections left open`
  })

export type Reasoned = { readonly reason: Errors.Reason }
