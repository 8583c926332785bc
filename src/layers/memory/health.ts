import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Health } from "../../Backend.ts"
import type { Healthcheck } from "../../ContainerConfig.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { announce } from "./containers.ts"
import { exec } from "./exec.ts"
import type { Verdict } from "./faults.ts"
import type { Held, World } from "./world.ts"

/** So much of what a check writes is kept: bytes, as Docker does. */
const longest = 4096

/** No fault hits it. */
const clean: Verdict = { loseReply: false, layer: undefined, cut: undefined }

/** What one check says: whether it is well, and what was written. */
const check = (
  world: World,
  held: Held,
  { command, timeout }: Healthcheck
): Effect.Effect<{ readonly isWell: boolean; readonly output: string }> =>
  Effect.gen(function*() {
    const process = yield* exec(world, held.id, { command, env: [], tty: false, stdin: false }, clean)
    const output = yield* process.output.pipe(
      Stream.map(({ bytes }) => bytes),
      Stream.decodeText,
      Stream.mkString
    )
    return { isWell: ExitStatus.toCode(yield* process.exit) === 0, output: output.slice(0, longest) }
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.succeed({ isWell: false, output: `the check took longer than ${timeout} milliseconds` })
    }),
    // One that cannot be made is one that fails, as Docker has it.
    Effect.catch(({ message }) => Effect.succeed({ isWell: false, output: message }))
  )

/** Makes the checks of a container that has started, as long as its process runs. */
export const watch = Effect.fnUntraced(function*(world: World, held: Held): Effect.fn.Return<void> {
  const { config: { healthcheck }, process } = held
  if (healthcheck === undefined || process === undefined) return
  const { interval, retries, startPeriod } = healthcheck
  let failures = 0
  let passed = 0
  const say = (health: Health, clock: Clock.Clock) => {
    const before = held.health?.status
    held.health = health
    if (before !== health.status) {
      announce(world, held, `health_status: ${health.status}`, clock.currentTimeMillisUnsafe())
    }
  }
  held.health = { status: "starting" }
  const once = Effect.gen(function*() {
    yield* Effect.sleep(interval)
    passed += interval
    const { isWell, output } = yield* check(world, held, healthcheck)
    // One that is cut off by the end of the container has nothing to say.
    if (process.status() !== undefined) return
    const before = held.health?.status ?? "starting"
    // Failures of one that is still starting are its own business.
    failures = isWell ? 0 : before === "starting" && passed < startPeriod ? failures : failures + 1
    const status = isWell ? "healthy" : failures >= retries ? "unhealthy" : before
    yield* Effect.clockWith((clock) => Effect.sync(() => say({ status, output }, clock)))
  })
  yield* Effect.forkIn(Effect.raceFirst(Effect.forever(once), process.exit), world.scope)
})
