import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Exec } from "../../Backend.ts"
import type { ExecConfig } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { announce, get } from "./containers.ts"
import { environment, factsOf, plain } from "./facts.ts"
import type { Verdict } from "./faults.ts"
import { Input } from "./input.ts"
import { Journal } from "./journal.ts"
import { type Facts, launch, type Running, signalName } from "./process.ts"
import { reasons } from "./reasons.ts"
import type { Recipe } from "./recipe.ts"
import type { World } from "./world.ts"

/** How many processes there have been. */
let count = 0

const noSuchCommand: Recipe = () => new ExitStatus.StartFailed({ issue: "not found" })

export const exec = Effect.fnUntraced(function*(
  world: World,
  id: string,
  config: ExecConfig,
  { cut }: Verdict
): Effect.fn.Return<Exec, Errors.Reason, Scope.Scope> {
  const held = yield* get(world, "exec", id)
  const { conflict, invalid } = reasons("exec")
  const first = held.process
  if (first === undefined) return yield* conflict(`container ${id} does not run`)
  if (config.command.length === 0) return yield* invalid("no command")
  const own = factsOf(held)
  const user = config.user ?? own.user
  const image = held.image.config
  const facts: Facts = {
    ...own,
    command: config.command,
    env: environment(
      { hostname: own.hostname, user, tty: config.tty },
      image.env,
      plain(held.config.env),
      plain(config.env)
    ),
    workDir: config.workDir ?? own.workDir,
    user,
    tty: config.tty,
    isExec: true
  }
  const input = new Input()
  if (!config.stdin) input.close()
  const journal = new Journal()
  const { output } = yield* Effect.acquireRelease(
    Effect.sync(() => journal.attach(cut)),
    ({ detach }) => Effect.sync(detach)
  )
  journal.begin()
  const command = config.command.join(" ")
  announce(world, held, `exec_start: ${command}`, yield* Clock.currentTimeMillis)
  let running: Running | undefined
  const launched = yield* launch(held.image.exec ?? noSuchCommand, facts, {
    input,
    write: (source, bytes, timestamp) => journal.write(source, bytes, timestamp),
    onExit: (status, clock) => {
      journal.end(clock.currentTimeNanosUnsafe())
      if (running !== undefined) held.execs.delete(running)
      const code = ExitStatus.toCode(status)
      announce(
        world,
        held,
        "exec_die",
        clock.currentTimeMillisUnsafe(),
        code === undefined ? {} : { exitCode: String(code) }
      )
    },
    scope: world.scope
  })
  running = launched
  if (running.status() === undefined) held.execs.add(running)
  // It may have ended its container with the first thing that it did.
  if (held.process !== first) running.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
  // Whoever asked for it is gone: so is the process.
  yield* Effect.addFinalizer(() => Effect.sync(() => launched.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))))
  const pid = ++count
  return {
    output,
    stdin: input.sink,
    exit: launched.exit,
    pid: Effect.sync(() => launched.status()?._tag === "StartFailed" ? undefined : pid),
    isRunning: Effect.sync(() => launched.status() === undefined),
    signal: (signal) => {
      const name = signalName(signal)
      return name === undefined
        ? Effect.fail(invalid(`${JSON.stringify(signal)} is not a signal`))
        : launched.deliver(name)
    },
    resize: launched.resize
  }
}, Effect.uninterruptible)
