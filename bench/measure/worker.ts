/**
 * A contender in a process of its own: nobody else's modules, garbage or warm code are in what it uses.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import type { Stage } from "../stage/stage.ts"

export interface Done<A> {
  readonly value: A
  /** Milliseconds from the call to its end, in that process. */
  readonly time: number
  /** The processor time that the process had used when the call came, since it began: milliseconds. */
  readonly cpu: number
  /** The most memory that it ever had: MiB. */
  readonly peak: number
}

export interface Worker {
  readonly call: <A = unknown>(name: string, ...args: ReadonlyArray<unknown>) => Promise<Done<A>>
  /** What it has used, nothing being done. */
  readonly usage: () => Promise<Done<undefined>>
  readonly end: () => Promise<void>
}

const next = async (child: ChildProcess): Promise<unknown> => {
  const gone = new AbortController()
  const exit = once(child, "exit", { signal: gone.signal }).then(() => {
    throw new Error(`the contender ended: ${child.spawnargs.slice(1).join(" ")}`)
  })
  exit.catch(() => undefined)
  try {
    const [message] = await Promise.race([once(child, "message"), exit])
    return message
  } finally {
    gone.abort()
  }
}

/** Starts a process that loads that module of the stage and calls its `make` with what is given. */
export const employ = async (
  stage: Stage,
  module: string,
  given: ReadonlyArray<string>,
  options?: { readonly nodeOptions?: ReadonlyArray<string>; readonly env?: Readonly<Record<string, string>> }
): Promise<Worker> => {
  const child = fork(stage.path("measure/work"), [stage.path(module), ...given], {
    execArgv: [...options?.nodeOptions ?? []],
    env: { ...process.env, ...options?.env },
    serialization: "advanced"
  })
  await next(child)
  const call = async <A>(name: string, ...args: ReadonlyArray<unknown>): Promise<Done<A>> => {
    child.send({ call: name, with: args })
    const said = await next(child) as Done<A> | { readonly failed: string }
    if ("failed" in said) throw new Error(said.failed)
    return said
  }
  return {
    call,
    usage: () => call(""),
    end: async () => {
      if (child.exitCode !== null) return
      const exited = once(child, "exit")
      child.disconnect()
      child.kill()
      await exited
    }
  }
}
