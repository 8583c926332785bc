import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Backend } from "../Backend.ts"
import type { Case, ConformanceFailure } from "./case.ts"
import { cases as archives } from "./cases/archives.ts"
import { cases as badInput } from "./cases/badInput.ts"
import { cases as build } from "./cases/build.ts"
import { cases as cleaning } from "./cases/cleaning.ts"
import { cases as copy } from "./cases/copy.ts"
import { cases as copying } from "./cases/copying.ts"
import { cases as directories } from "./cases/directories.ts"
import { cases as events } from "./cases/events.ts"
import { cases as exec } from "./cases/exec.ts"
import { cases as exit } from "./cases/exit.ts"
import { cases as files } from "./cases/files.ts"
import { cases as fileSystem } from "./cases/fileSystem.ts"
import { cases as images } from "./cases/images.ts"
import { cases as input } from "./cases/input.ts"
import { cases as interruption } from "./cases/interruption.ts"
import { cases as kernel } from "./cases/kernel.ts"
import { cases as lifecycle } from "./cases/lifecycle.ts"
import { cases as limits } from "./cases/limits.ts"
import { cases as logs } from "./cases/logs.ts"
import { cases as networks } from "./cases/networks.ts"
import { cases as output } from "./cases/output.ts"
import { cases as pool } from "./cases/pool.ts"
import { cases as ports } from "./cases/ports.ts"
import { cases as process } from "./cases/process.ts"
import { cases as processes } from "./cases/processes.ts"
import { cases as ready } from "./cases/ready.ts"
import { cases as registry } from "./cases/registry.ts"
import { cases as resolution } from "./cases/resolution.ts"
import { cases as security } from "./cases/security.ts"
import { cases as services } from "./cases/services.ts"
import { cases as spawner } from "./cases/spawner.ts"
import { cases as supervision } from "./cases/supervision.ts"
import { cases as usage } from "./cases/usage.ts"
import { cases as volumes } from "./cases/volumes.ts"
import type { Fixture } from "./fixture.ts"

/**
 * All that every engine has to pass: the one list, for every engine the same.
 *
 * @category conformance
 * @since 0.1.0
 */
export const cases: ReadonlyArray<Case> = [
  ...output,
  ...exit,
  ...process,
  ...files,
  ...input,
  ...limits,
  ...kernel,
  ...networks,
  ...resolution,
  ...volumes,
  ...security,
  ...usage,
  ...lifecycle,
  ...logs,
  ...exec,
  ...processes,
  ...pool,
  ...ports,
  ...ready,
  ...supervision,
  ...services,
  ...spawner,
  ...copy,
  ...copying,
  ...directories,
  ...fileSystem,
  ...events,
  ...interruption,
  ...images,
  ...registry,
  ...build,
  ...archives,
  ...cleaning,
  ...badInput
]

/**
 * How a case went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly group: string
  readonly name: string
  readonly milliseconds: number
  /** `undefined`: the engine did as it should. */
  readonly failure?: ConformanceFailure | undefined
}

/**
 * How an engine did.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly engine: string
  readonly passed: number
  readonly failed: number
  /** In the order of {@link cases}. */
  readonly results: ReadonlyArray<Result>
}

/**
 * An engine did not pass; carries how every case went.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConformant extends Data.TaggedError("NotConformant")<{ readonly report: Report }> {
  override get message(): string {
    const { engine, failed, results } = this.report
    const failures = results.flatMap(({ failure }) => failure === undefined ? [] : [`- ${failure.message}`])
    return `${engine} fails ${failed} of ${results.length} conformance cases:\n${failures.join("\n")}`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SuiteOptions<Own, E, E2> {
  /** The engine's name, for reports. */
  readonly name: string
  /** The engine, and what the fixture needs of it besides. */
  readonly layer: Layer.Layer<Backend | Own, E>
  readonly fixture: Layer.Layer<Fixture, E2, Backend | Own>
  /** Which cases. Default: all. */
  readonly only?: ((one: Case) => boolean) | undefined
  /** How many cases run at a time. Default 4. */
  readonly concurrency?: number | undefined
}

/**
 * An engine with the cases that it is held to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suite<E> {
  readonly name: string
  readonly cases: ReadonlyArray<Case>
  /** What each case needs: for a test runner that has the cases one by one. */
  readonly layer: Layer.Layer<Backend | Fixture, E>
  /** Runs all cases. Fails with {@link NotConformant}, which has the report, when one does. */
  readonly run: Effect.Effect<Report, E | NotConformant>
}

const timed = Effect.fnUntraced(function*({ group, name, run }: Case) {
  const begun = performance.now()
  const failure = yield* Effect.scoped(run).pipe(
    Effect.as(undefined),
    Effect.catch((failure) => Effect.succeed(failure))
  )
  const result: Result = { group, name, milliseconds: Math.round(performance.now() - begun) }
  return failure === undefined ? result : { ...result, failure }
})

/**
 * Holds an engine to the one list of {@link cases}. Depends on no test runner: `run` it, or hand its `cases` and its
 * `layer` to one.
 *
 * **Example** (One's own engine, in a test)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as Testing from "effect-containers/testing"
 * import * as Mine from "./Mine.ts"
 *
 * const fixture = Layer.succeed(Testing.Fixture, {
 *   image: "busybox:test",
 *   registries: {
 *     address: "127.0.0.1:5000",
 *     down: "127.0.0.1:1",
 *     silent: Effect.succeed({ address: "192.0.2.1:5000", reached: Effect.sleep("1 second") })
 *   }
 * })
 * const { run } = Testing.suite({ name: "mine", layer: Mine.layer(), fixture })
 * await Effect.runPromise(run)
 * ```
 *
 * @category conformance
 * @since 0.1.0
 */
export const suite = <Own, E, E2>(options: SuiteOptions<Own, E, E2>): Suite<E | E2> => {
  const layer = Layer.provideMerge(options.fixture, options.layer)
  const chosen = options.only === undefined ? cases : cases.filter(options.only)
  const run = Effect.forEach(chosen, timed, { concurrency: options.concurrency ?? 4 }).pipe(
    Effect.provide(layer),
    Effect.flatMap((results) => {
      const failed = results.filter(({ failure }) => failure !== undefined).length
      const report: Report = { engine: options.name, passed: results.length - failed, failed, results }
      return failed === 0 ? Effect.succeed(report) : Effect.fail(new NotConformant({ report }))
    })
  )
  return { name: options.name, cases: chosen, layer, run }
}
