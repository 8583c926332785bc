/**
 * What a test can make go wrong in the in-memory engine: given to `Memory.layer`, or to `Engine.fault` while the program
 * runs.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { Primitives } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"

/**
 * What the engine can be asked: the names of the `Primitives`.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation = keyof Primitives

/**
 * Something that the engine was asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly operation: Operation
  /** The image, container, tag or filter that it was about; `""` where there is none. */
  readonly target: string
  /** Milliseconds since the epoch, by the `Clock` of who asked. */
  readonly at: number
}

/**
 * Which calls a fault is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultOptions {
  /** How many calls it hits. Default: all. */
  readonly times?: number | undefined
  /** How many calls it lets pass before. Default 0. */
  readonly after?: number | undefined
  /** Only calls for which this holds; the others do not count. Default: all. */
  readonly when?: ((call: Call) => boolean) | undefined
}

interface Scripted {
  /** `"*"`: any operation. */
  readonly operation: Operation | "*"
  readonly options: FaultOptions
}

/**
 * Something that goes wrong. Several can hit one call: delays add up, then the first of the others that applies decides.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | Scripted & { readonly _tag: "Refuse"; readonly reason: Errors.Reason | Errors.Reason["_tag"] }
  | Scripted & { readonly _tag: "Delay"; readonly duration: Duration.Input }
  | Scripted & { readonly _tag: "Hang" }
  | Scripted & { readonly _tag: "LoseReply" }
  | Scripted & { readonly _tag: "Die" }
  | Scripted & {
    readonly _tag: "Layer"
    readonly layer: number
    /** `undefined`: it hangs there. */
    readonly reason: Errors.Reason | Errors.Reason["_tag"] | undefined
  }
  | Scripted & { readonly _tag: "CutOutput"; readonly bytes: number }

/** An operation that a fault is for; with options. */
type Where = Operation | "*"

/**
 * Refuses an operation with a reason, given whole or by its tag. Nothing was done.
 *
 * @category faults
 * @since 0.1.0
 */
export const refuse = (
  operation: Where,
  reason: Errors.Reason | Errors.Reason["_tag"],
  options: FaultOptions = {}
): Fault => ({ _tag: "Refuse", operation, reason, options })

/**
 * Lets an operation wait, on the `Clock`, before it is done.
 *
 * @category faults
 * @since 0.1.0
 */
export const delay = (operation: Where, duration: Duration.Input, options: FaultOptions = {}): Fault => ({
  _tag: "Delay",
  operation,
  duration,
  options
})

/**
 * Never answers, and does nothing. Whoever waits can be interrupted, even where he had forbidden it.
 *
 * @category faults
 * @since 0.1.0
 */
export const hang = (operation: Where, options: FaultOptions = {}): Fault => ({ _tag: "Hang", operation, options })

/**
 * Does what it is asked and then fails with `Unavailable`, as if the connection had broken before the answer came: a
 * container that nobody knows of exists.
 *
 * @category faults
 * @since 0.1.0
 */
export const loseReply = (operation: Where, options: FaultOptions = {}): Fault => ({
  _tag: "LoseReply",
  operation,
  options
})

/**
 * The engine dies when it is asked this, as `Engine.die` makes it: see there.
 *
 * @category faults
 * @since 0.1.0
 */
export const die = (operation: Where, options: FaultOptions = {}): Fault => ({ _tag: "Die", operation, options })

/**
 * A pull transfers the layers before this one, counted from 1, and fails in the middle of it. Default reason:
 * `Unavailable`. An image with fewer layers is pulled as ever.
 *
 * @category faults
 * @since 0.1.0
 */
export const failPull = (
  layer: number,
  options: FaultOptions & { readonly reason?: Errors.Reason | Errors.Reason["_tag"] | undefined } = {}
): Fault => ({ _tag: "Layer", operation: "pull", layer, reason: options.reason ?? "Unavailable", options })

/**
 * A pull transfers the layers before this one, counted from 1, and hangs in the middle of it.
 *
 * @category faults
 * @since 0.1.0
 */
export const hangPull = (layer: number, options: FaultOptions = {}): Fault => ({
  _tag: "Layer",
  operation: "pull",
  layer,
  reason: undefined,
  options
})

/**
 * The stream that `attach`, `logs` or `exec` gives fails with `Unavailable` once it has given so many bytes. The process
 * goes on.
 *
 * @category faults
 * @since 0.1.0
 */
export const cutOutput = (
  operation: "attach" | "logs" | "exec",
  bytes: number,
  options: FaultOptions = {}
): Fault => ({ _tag: "CutOutput", operation, bytes, options })
