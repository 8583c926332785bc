import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import type * as Errors from "../../Errors.ts"
import type { Engine } from "./engine.ts"
import { Tasks } from "./protocol/tasks_pb.ts"

/** The engine signals a process, but not what it started, which is known again by this variable. */
const marker = "EFFECT_CONTAINERS_EXEC"

/** The variable of one process, with its value. */
export const newMark = (): string => `${marker}=${randomBytes(8).toString("hex")}`

const isMarked = (pid: number, mark: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(mark)
  } catch {
    // It has ended, or its number means nothing here.
    return false
  }
}

/** Nothing comes between looking at a process and signalling it: its number cannot have become another's. */
const send = (pid: number, mark: string, signal: number): boolean => {
  if (!isMarked(pid, mark)) return false
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** How often it is looked whether more were started meanwhile: whoever starts them faster is not to hold us for ever. */
const rounds = 100

/**
 * Signals the processes of a container that have the mark. What is to be killed is looked for until nothing is found.
 * Those that cannot be seen from here, as on another machine, are left alone.
 */
export const signalDescendants = Effect.fnUntraced(function*(
  { channel }: Engine,
  containerId: string,
  mark: string,
  signal: number,
  /** The one that the engine signals. */
  first: number | undefined
): Effect.fn.Return<void, Errors.Reason> {
  for (let round = 0; round < rounds; round++) {
    const { processes } = yield* channel.unary(Tasks.method.listPids, { containerId }, { operation: "exec" }).pipe(
      Effect.catchTag("NotFound", () => Effect.succeed({ processes: [] }))
    )
    const found = processes.map(({ pid }) => pid !== first && send(pid, mark, signal)).includes(true)
    if (signal !== 9 || !found) return
  }
})
