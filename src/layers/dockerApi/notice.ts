import type * as Stream from "effect/Stream"
import type { Frame } from "../../Logs.ts"
import { type Stage, through } from "../../logs/stage.ts"

/**
 * When a process ends without having read its input, Podman finds its own connection to it broken and says so to whoever
 * is attached, in one more frame of standard error, the last one. The process has not written it, and the container's log
 * does not have it.
 */
const notice = /^Error: read unixpacket @->[^\n]{1,512}\/attach: read: connection reset by peer\r?\n$/

const begin = "Error: read unixpacket @->"

/** Fewer characters are not taken for its beginning, so that nobody's short word is held up. */
const fewest = "Error: ".length

const longest = 600

const mayBecome = (text: string): boolean =>
  text.length >= fewest && text.length <= longest && !/\n./s.test(text) &&
  (text.length < begin.length ? begin.startsWith(text) : text.startsWith(begin))

const textOf = ({ bytes }: Frame): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")

const E = 69

/** The frames without this word at their end. What could be it waits for what comes behind it. */
export const withoutNotice = <Failure>(
  frames: Stream.Stream<Frame, Failure>,
  options: { readonly tty: boolean }
): Stream.Stream<Frame, Failure> =>
  through(frames, (): Stage<Frame, Frame, never> => {
    // A terminal's output has one source.
    const source = options.tty ? "stdout" : "stderr"
    // One frame, or the pieces of one that arrived in several.
    let held: Array<Frame> = []
    let text = ""
    const release = (out: Array<Frame>) => {
      for (const frame of held) out.push(frame)
      held = []
      text = ""
    }
    const isHeld = (frame: Frame): boolean => {
      if (frame.source !== source || frame.bytes.length > longest) return false
      if (held.length === 0 && frame.bytes[0] !== E) return false
      const longer = text + textOf(frame)
      if (!mayBecome(longer)) return false
      held.push(frame)
      text = longer
      return true
    }
    return {
      push: (frame, out) => {
        if (isHeld(frame)) return undefined
        release(out)
        if (!isHeld(frame)) out.push(frame)
        return undefined
      },
      end: (out) => {
        if (!notice.test(text)) release(out)
        return undefined
      }
    }
  })
