import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import type { Frame } from "../../Logs.ts"
import { type Stage, through } from "../../logs/stage.ts"

/**
 * When a process ends, or closes its input, before it has read all of that, Podman's own connection to it breaks, and what
 * it has written and nobody was told yet is lost to whoever is attached. The container's log has it.
 */

type Output = Stream.Stream<Frame, Errors.Reason>

/** What was told of an output that broke off, and then what its log, followed from its beginning, has besides. */
export const completed = (output: Output, log: Output): Output =>
  Stream.suspend(() => {
    const told = { stdout: 0, stderr: 0 }
    const counted = Stream.map(output, (frame) => {
      told[frame.source] += frame.bytes.length
      return frame
    })
    const missing = through(log, (): Stage<Frame, Frame, never> => ({
      push: (frames, out) => {
        for (const frame of frames) {
          const known = Math.min(told[frame.source], frame.bytes.length)
          told[frame.source] -= known
          if (known < frame.bytes.length) out.push({ ...frame, bytes: frame.bytes.subarray(known) })
        }
        return undefined
      },
      end: () => undefined
    }))
    return Stream.concat(
      counted,
      // Removed meanwhile, or of a container whose log goes elsewhere.
      Stream.catchTags(missing, { NotFound: () => Stream.empty, Unsupported: () => Stream.empty })
    )
  })
