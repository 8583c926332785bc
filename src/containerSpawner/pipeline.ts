import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { type ChildProcessHandle, makeHandle } from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import type { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { badArgument } from "./failure.ts"
import { spawn } from "./spawn.ts"
import { inputOf } from "./stdio.ts"

/** The commands of a pipeline, from left to right, each but the first with what it reads of the one before it. */
const flatten = (
  command: ChildProcess.Command
): ReadonlyArray<{ readonly command: ChildProcess.StandardCommand; readonly options: ChildProcess.PipeOptions }> => {
  if (command._tag === "StandardCommand") return [{ command, options: {} }]
  const [first, ...rest] = flatten(command.right)
  return first === undefined
    ? flatten(command.left)
    : [...flatten(command.left), { command: first.command, options: command.options }, ...rest]
}

const sides = { stdout: "stdout", stderr: "stderr", all: "all" } as const

const isSide = (from: string): from is keyof typeof sides => Object.hasOwn(sides, from)

/** Executes a command, or all commands of a pipeline, in the container; the output of one goes by way of this process. */
export const run = Effect.fnUntraced(function*(
  container: Container.Target,
  command: ChildProcess.Command
): Effect.fn.Return<ChildProcessHandle, PlatformError.PlatformError, Backend | Scope.Scope> {
  const handles: Array<ChildProcessHandle> = []
  for (const { command: one, options: { from = "stdout", to = "stdin" } } of flatten(command)) {
    const before = handles.at(-1)
    if (before === undefined) {
      handles.push(yield* spawn(container, one))
      continue
    }
    if (to !== "stdin" || !isSide(from)) {
      return yield* badArgument("In a container, a pipe leads from standard output or error to standard input")
    }
    handles.push(
      yield* spawn(
        container,
        ChildProcess.make(one.command, one.args, {
          ...one.options,
          stdin: { ...inputOf(one.options), stream: before[sides[from]] }
        })
      )
    )
  }
  const [first] = handles
  const last = handles.at(-1)
  if (first === undefined || last === undefined) return yield* badArgument("There is no command")
  if (first === last) return last
  return makeHandle({
    ...last,
    stdin: first.stdin,
    // One that cannot be killed does not save the others, and is told.
    kill: (options) =>
      Effect.flatMap(
        Effect.forEach(handles.toReversed(), (handle) => Effect.exit(handle.kill(options))),
        (exits) => Exit.asVoidAll(exits)
      )
  })
})
