import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import type * as Errors from "../../Errors.ts"
import type { Frame } from "../../Logs.ts"
import { type Stage, through } from "../../logs/stage.ts"
import type { Source } from "../../Output.ts"

/**
 * When a process ends, or closes its input, before it has read all of that, Podman's own connection to it breaks, and what
 * it has written and nobody was told yet is lost to whoever is attached. The container's log has it.
 */

type Output = Stream.Stream<Frame, Errors.Reason>

/** Removed meanwhile, or of a container whose log goes elsewhere. */
const readable = (log: Output): Output =>
  Stream.catchTags(log, { NotFound: () => Stream.empty, Unsupported: () => Stream.empty })

/**
 * What was told of an output, or what its log has if that is nothing. Once in many thousand containers, on a machine that is
 * busy, an engine tells nothing at all to whoever has been attached since before it started; its log is not concerned.
 */
export const orLogged = (output: Output, log: Output): Output => Stream.orElseIfEmpty(output, () => readable(log))

/** What there is of a source, by its size and its digest. */
const counter = () => {
  const hash = createHash("sha1")
  let size = 0
  return {
    add: (bytes: Uint8Array) => {
      hash.update(bytes)
      size += bytes.length
    },
    size: () => size,
    digest: () => hash.digest("hex")
  }
}

/** The bytes of a log that come after those that were told. None does where these are others: not every log keeps bytes. */
const rest = (told: ReturnType<typeof counter>) => {
  const kept = counter()
  let isSame: boolean | undefined
  return (bytes: Uint8Array): Uint8Array => {
    const known = Math.min(told.size() - kept.size(), bytes.length)
    if (known > 0) kept.add(bytes.subarray(0, known))
    if (known < bytes.length) isSame ??= kept.digest() === told.digest()
    return isSame === true ? bytes.subarray(known) : new Uint8Array(0)
  }
}

/** What was told of an output that broke off, and then what its log, followed from its beginning, has besides. */
export const completed = (output: Output, log: Output): Output =>
  Stream.suspend(() => {
    const told = { stdout: counter(), stderr: counter() }
    const counted = Stream.map(output, (frame) => {
      told[frame.source].add(frame.bytes)
      return frame
    })
    const missing = through(log, (): Stage<Frame, Frame, never> => {
      const after: Readonly<Record<Source, (bytes: Uint8Array) => Uint8Array>> = {
        stdout: rest(told.stdout),
        stderr: rest(told.stderr)
      }
      return {
        push: (frame, out) => {
          const bytes = after[frame.source](frame.bytes)
          if (bytes.length > 0) out.push({ ...frame, bytes })
          return undefined
        },
        end: () => undefined
      }
    })
    return Stream.concat(counted, readable(missing))
  })
