/**
 * What a program of the in-memory busybox is.
 */
import { Effect } from "effect"
import type { Process } from "effect-containers/layers/Memory"
import type { Reader } from "./system.ts"

/** What a program is started with. */
export interface Program {
  readonly process: Process
  readonly args: ReadonlyArray<string>
  readonly env: ReadonlyMap<string, string>
  readonly directory: string
  readonly stdin: Reader
  /** Which of its file descriptors are a terminal. */
  readonly isTerminal: (fd: number) => boolean
  readonly stdout: (content: string | Uint8Array) => Effect.Effect<void>
  readonly stderr: (content: string) => Effect.Effect<void>
}

export type Run = (program: Program) => Effect.Effect<number>

/** Gives what it fails with to standard error, as its own words. */
export const says = (name: string, { stderr }: Program) => (issue: string): Effect.Effect<number> =>
  Effect.as(stderr(`${name}: ${issue}\n`), 1)
