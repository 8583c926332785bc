import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import * as Logs from "../Logs.ts"
import { imageName } from "./config.ts"
import type { Container } from "./description.ts"
import type { RunError } from "./launch.ts"
import { run, stream } from "./run.ts"

const undecoded = (
  container: { readonly id: string; readonly image: string },
  error: Schema.SchemaError,
  line?: number
): Errors.ContainerOutput =>
  new Errors.ContainerOutput({
    ...container,
    reason: new Errors.Protocol({
      operation: "decode",
      message: `${
        line === undefined ? "standard output" : `line ${line} of standard output`
      } is not what was expected: ${error.message}`
    }),
    ...(line === undefined ? {} : { line })
  })

/**
 * Runs a container and decodes what it wrote to standard output, one JSON text, by a schema. Standard error is free for
 * messages. Fails as `Container.run` does, and with `ContainerOutput` when the output is something else.
 *
 * **Example** (A report)
 *
 * ```ts import.meta.vitest
 * import { Effect, Schema } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const Report = Schema.Struct({ passed: Schema.Int, failed: Schema.Int })
 * const engine = Memory.layer({
 *   images: [Memory.image("tests", () => ({ stdout: `{ "passed": 12, "failed": 0 }`, stderr: "12 tests\n" }))]
 * })
 * const program = Container.json(Container.make("tests"), Report).pipe(Effect.provide(engine))
 * await Effect.runPromise(program) // => { passed: 12, failed: 0 }
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const json = <A, I, RD, RE>(
  self: Container,
  schema: Schema.Codec<A, I, RD, RE>
): Effect.Effect<A, RunError | Errors.ExitCode | Errors.ContainerOutput, Backend | RD> => {
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema))
  return Effect.flatMap(
    run(self),
    (done) => Effect.mapError(decode(done.logs.stdoutText), (error) => undecoded(done, error))
  )
}

/**
 * Runs a container and decodes each line that it writes to standard output, a JSON text, by a schema, as it arrives. Lines
 * with nothing but blanks are passed over, standard error is free for messages. Fails as `Container.stream` does, and with
 * `ContainerOutput`, which has the line's number, when a line is something else; the container is then killed.
 *
 * **Example** (Events of a test runner)
 *
 * ```ts import.meta.vitest
 * import { Effect, Schema, Stream } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({
 *   images: [Memory.image("tests", () => ({ stdout: `{"test":"a","ok":true}\n{"test":"b","ok":false}\n` }))]
 * })
 * const events = Container.ndjson(
 *   Container.make("tests"),
 *   Schema.Struct({ test: Schema.String, ok: Schema.Boolean })
 * )
 * const failed = events.pipe(Stream.filter(({ ok }) => !ok), Stream.map(({ test }) => test), Stream.runCollect)
 * await Effect.runPromise(Effect.provide(failed, engine)) // => ["b"]
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const ndjson = <A, I, RD, RE>(
  self: Container,
  schema: Schema.Codec<A, I, RD, RE>
): Stream.Stream<A, RunError | Errors.ExitCode | Errors.ContainerOutput, Backend | RD> => {
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema))
  return Stream.suspend(() => {
    let line = 0
    return Logs.lines(stream(self)).pipe(
      Stream.filter(({ source }) => source === "stdout"),
      Stream.map(({ text }) => ({ text, line: ++line })),
      Stream.filter(({ text }) => text.trim() !== ""),
      Stream.mapEffect(({ line, text }) =>
        Effect.mapError(decode(text), (error) => undecoded({ id: "", image: imageName(self) }, error, line))
      )
    )
  })
}
