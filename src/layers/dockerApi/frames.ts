import type * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import type { Frame } from "../../Logs.ts"
import * as Logs from "../../Logs.ts"

/** The frames of a container's output. A terminal has no frames, only bytes. */
export const frames = <E>(
  body: Stream.Stream<Uint8Array, E>,
  options: { readonly tty: boolean; readonly timestamps?: boolean | undefined }
): Stream.Stream<Frame, E | Errors.Protocol | Errors.Internal> =>
  options.tty
    ? Logs.decodeRaw(body, { timestamps: options.timestamps })
    : Logs.decode(body, { timestamps: options.timestamps })
