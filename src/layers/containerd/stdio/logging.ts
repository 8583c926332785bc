import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { open } from "node:fs/promises"
import { basename, extname } from "node:path"
import { fileURLToPath } from "node:url"
import type * as Errors from "../../../Errors.ts"
import { fromCause } from "../errors.ts"
import { ifThere } from "../there.ts"
import { decode, entryLength, type Log } from "./order.ts"

/**
 * The logger of a container: a program of ours that its shim starts, for which it takes our Node and our file from where
 * it is itself. Whether they are there can only be tried.
 */

const here = fileURLToPath(import.meta.url)

/** It lies beside this file, with the same ending: as it was written, or as it was compiled. */
const program = fileURLToPath(new URL(`./logger${extname(here)}`, import.meta.url))

/** What a shim is to be told as standard output and as standard error; `undefined`: there is no such program. */
export const uri = (folder: string): string | undefined =>
  // An executable that contains its Node is the user's own program, and would be started a second time.
  /^node(?:js)?[-.\d]*$/.test(basename(process.execPath)) && existsSync(program)
    // A single pair: of several the order is not kept.
    ? `binary://${encodeURI(process.execPath)}?${encodeURIComponent(program)}=${encodeURIComponent(folder)}`
    : undefined

/** Whether a shim failed because it knows no loggers, or has not got this one. */
export const isRefused = ({ message }: Errors.Reason): boolean =>
  /binary|logging|stdio scheme/i.test(message) || message.includes(process.execPath)

const begun = async (log: Log): Promise<boolean> => {
  const bytes = new Uint8Array(entryLength)
  const order = await ifThere(open(log.order, "r"))
  if (order === undefined) return false
  try {
    const { bytesRead } = await order.read(bytes, 0, entryLength, 0)
    return bytesRead === entryLength && decode(bytes, 0) === "begun"
  } finally {
    await order.close()
  }
}

/** Whether a logger keeps this log, or has kept it: it says so before its container starts. */
export const isKept = (operation: string, log: Log): Effect.Effect<boolean, Errors.Reason> =>
  Effect.tryPromise({ try: () => begun(log), catch: (cause) => fromCause(operation, cause) })
