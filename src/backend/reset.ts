import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Errors from "../Errors.ts"
import * as ExitStatus from "../ExitStatus.ts"
import type { Primitives } from "./primitives.ts"

/**
 * Kills whatever it may kill but the first process and itself, in one step in which nothing can be started; a process that
 * is there afterwards and that it may not kill is somebody else's. Then empties the directories that it is given. Made of
 * what every shell has built in, and `rm`.
 */
const script = `kill -9 -1
for p in /proc/[0-9]*; do
  n=\${p#/proc/}
  [ "$n" = 1 ] || kill -0 "$n" || [ ! -d "$p" ] || exit 3
done
for d; do
  [ -d "$d" ] && [ ! -L "$d" ] || exit 4
  rm -rf -- "$d"/* "$d"/.[!.]* "$d"/..?* || exit 5
  for f in "$d"/* "$d"/.[!.]* "$d"/..?*; do
    if [ -e "$f" ] || [ -L "$f" ]; then exit 5; fi
  done
done`

const issues: Readonly<Record<number, string>> = {
  3: "there is a process that it may not kill",
  4: "a directory that is to be emptied is none any more",
  5: "a directory could not be emptied"
}

/** What an engine does that has no way of its own: a script, as the container's own user. */
export const resetByExec: (
  exec: Primitives["exec"],
  id: string,
  options: { readonly scratch: ReadonlyArray<string> }
) => Effect.Effect<void, Errors.Reason> = Effect.fnUntraced(function*(
  exec: Primitives["exec"],
  id: string,
  { scratch }: { readonly scratch: ReadonlyArray<string> }
): Effect.fn.Return<void, Errors.Reason, Scope.Scope> {
  const process = yield* exec(id, {
    command: ["/bin/sh", "-c", script, "sh", ...scratch],
    env: [],
    tty: false,
    stdin: false
  })
  yield* Stream.runDrain(process.output)
  const exit = yield* process.exit
  if (exit._tag === "Exited" && exit.code === 0) return
  if (exit._tag === "StartFailed") {
    return yield* new Errors.Unsupported({
      operation: "reset",
      message: `container ${id} has no /bin/sh that could reset it`
    })
  }
  const issue = exit._tag === "Exited" ? issues[exit.code] : undefined
  return yield* new Errors.Conflict({
    operation: "reset",
    message: `container ${id} could not be reset: ${issue ?? `the shell ${ExitStatus.format(exit)}`}`
  })
}, Effect.scoped)
