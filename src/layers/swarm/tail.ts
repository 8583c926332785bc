import type * as Stream from "effect/Stream"
import type { Frame } from "../../Logs.ts"
import { type Stage, through } from "../../logs/stage.ts"

const NEWLINE = 10

const linesIn = ({ bytes }: Frame): number => {
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

/** Without what comes before its last `lines` ends of lines. */
const cut = (frame: Frame, lines: number): Frame => {
  let at = frame.bytes.length
  for (let left = lines; left >= 0 && at >= 0; left--) at = frame.bytes.lastIndexOf(NEWLINE, at - 1)
  return at < 0 ? frame : { ...frame, bytes: frame.bytes.subarray(at + 1) }
}

/** The last so many lines of what ends. It keeps no more than these. */
export const last = <E>(frames: Stream.Stream<Frame, E>, tail: number): Stream.Stream<Frame, E> =>
  through(frames, (): Stage<Frame, Frame, never> => {
    const kept: Array<Frame> = []
    let lines = 0
    const trim = (wanted: number) => {
      while (kept.length > 0 && lines - linesIn(kept[0]!) >= wanted) lines -= linesIn(kept.shift()!)
    }
    return {
      push: (frame) => {
        kept.push(frame)
        lines += linesIn(frame)
        trim(tail + 1)
        return undefined
      },
      end: (out) => {
        if (tail === 0 || kept.length === 0) return undefined
        // A last line that has no end yet is one, too.
        const wanted = kept.at(-1)!.bytes.at(-1) === NEWLINE ? tail : tail - 1
        // One end of a line more: the line after it begins in the same frame.
        trim(wanted + 1)
        for (const [index, frame] of kept.entries()) {
          out.push(index === 0 && lines > wanted ? cut(frame, wanted - (lines - linesIn(frame))) : frame)
        }
        return undefined
      }
    }
  })
