import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Errors from "../../Errors.ts"

/** As much as a pipe of Linux holds (pipe(7)). */
const capacity = 64 * 1024

/** The standard input of a process: a pipe. Who writes waits while it is full, who reads while it is empty. */
export class Input {
  #chunks: Array<Uint8Array> = []
  #size = 0
  #closed = false
  #broken: Errors.Reason | undefined = undefined
  readonly #waiting = new Set<() => void>()
  /** Is shown what is written: a terminal's echo. */
  echo: ((bytes: Uint8Array) => void) | undefined = undefined

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  #changed(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const wake = () => resume(Effect.void)
      this.#waiting.add(wake)
      return Effect.sync(() => this.#waiting.delete(wake))
    })
  }

  /** Nobody writes any more: who reads comes to the end. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  /** Nobody reads any more: who writes fails. */
  break(reason: Errors.Reason): void {
    this.#broken = reason
    this.#chunks = []
    this.#size = 0
    this.#wake()
  }

  readonly stream: Stream.Stream<Uint8Array> = Stream.suspend(() => {
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>> = Effect.suspend(() => {
      const [first, ...rest] = this.#chunks
      if (first !== undefined) {
        this.#chunks = []
        this.#size = 0
        this.#wake()
        return Effect.succeed([first, ...rest] as const)
      }
      return this.#closed ? Cause.done() : Effect.andThen(this.#changed(), pull)
    })
    return Stream.fromPull(Effect.succeed(pull))
  })

  #write(bytes: Uint8Array): Effect.Effect<void, Errors.Reason> {
    return Effect.suspend((): Effect.Effect<void, Errors.Reason> => {
      if (this.#broken !== undefined) return Effect.fail(this.#broken)
      if (this.#closed) {
        return Effect.fail(new Errors.Conflict({ operation: "stdin", message: "standard input is closed already" }))
      }
      if (this.#size >= capacity) return Effect.andThen(this.#changed(), this.#write(bytes))
      // A copy: whoever wrote it may use its buffer again.
      this.#chunks.push(bytes.slice())
      this.#size += bytes.length
      this.echo?.(bytes)
      this.#wake()
      return Effect.void
    })
  }

  /** Closes it when it is done, also when it was cut off: what it came through is gone. */
  readonly sink: Sink.Sink<void, Uint8Array, never, Errors.Reason> = Sink.forEach((bytes: Uint8Array) =>
    bytes.length === 0 ? Effect.void : this.#write(bytes)
  ).pipe(Sink.ensuring(Effect.sync(() => this.close())))
}
