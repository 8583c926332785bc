import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Errors from "../../Errors.ts"
import type { Call, Fault, Operation } from "./fault.ts"
import { ofTag } from "./reasons.ts"

/** How many calls are remembered. */
const remembered = 10_000

const reasonOf = (reason: Errors.Reason | Errors.Reason["_tag"], operation: string): Errors.Reason =>
  typeof reason === "string" ? ofTag(reason, operation, `a scripted fault: ${operation} fails with ${reason}`) : reason

/** What is left to be decided once a call may go on. */
export interface Verdict {
  readonly loseReply: boolean
  readonly layer: { readonly layer: number; readonly reason: Errors.Reason | undefined } | undefined
  /** Bytes of output that pass. */
  readonly cut: number | undefined
}

/** Stands before every operation: notes the call and lets the faults that are scripted hit it. */
export class Faults {
  readonly #rules: Array<{ readonly fault: Fault; seen: number }> = []
  #calls: Array<Call> = []
  #gone = Deferred.makeUnsafe<never, Errors.Reason>()
  readonly #onDeath: () => void

  constructor(faults: ReadonlyArray<Fault>, onDeath: () => void) {
    for (const fault of faults) this.add(fault)
    this.#onDeath = onDeath
  }

  get calls(): ReadonlyArray<Call> {
    return [...this.#calls]
  }

  add(fault: Fault): () => void {
    const rule = { fault, seen: 0 }
    this.#rules.push(rule)
    return () => {
      const at = this.#rules.indexOf(rule)
      if (at >= 0) this.#rules.splice(at, 1)
    }
  }

  clear(): void {
    this.#rules.length = 0
  }

  get isDead(): boolean {
    return Deferred.isDoneUnsafe(this.#gone)
  }

  die(): void {
    if (this.isDead) return
    Deferred.doneUnsafe(this.#gone, Effect.fail(gone("engine")))
    this.#onDeath()
  }

  revive(): void {
    if (this.isDead) this.#gone = Deferred.makeUnsafe()
  }

  /** Whether a fault hits this call; counts it. */
  #hits(rule: { readonly fault: Fault; seen: number }, call: Call): boolean {
    const { operation, options } = rule.fault
    if (operation !== "*" && operation !== call.operation) return false
    if (options.when !== undefined && !options.when(call)) return false
    const seen = rule.seen++
    const after = options.after ?? 0
    return seen >= after && seen < after + (options.times ?? Number.POSITIVE_INFINITY)
  }

  #judge(call: Call): Effect.Effect<Verdict, Errors.Reason> {
    const { operation } = call
    if (this.isDead) return Effect.fail(gone(operation))
    let wait = 0
    let decided: Effect.Effect<never, Errors.Reason> | undefined
    let loseReply = false
    let layer: Verdict["layer"]
    let cut: number | undefined
    for (const rule of this.#rules) {
      // What is decided counts no further fault: that one is for the next call.
      const { _tag } = rule.fault
      if (
        (decided !== undefined && _tag !== "Delay") || (_tag === "LoseReply" && loseReply) ||
        (_tag === "Layer" && layer !== undefined) || (_tag === "CutOutput" && cut !== undefined)
      ) continue
      if (!this.#hits(rule, call)) continue
      const { fault } = rule
      switch (fault._tag) {
        case "Delay":
          wait += Duration.toMillis(fault.duration)
          break
        case "Refuse":
          decided = Effect.fail(reasonOf(fault.reason, operation))
          break
        case "Hang":
          decided = Effect.interruptible(this.orGone(Effect.never))
          break
        case "Die":
          decided = Effect.suspend(() => {
            this.die()
            return Effect.fail(gone(operation))
          })
          break
        case "LoseReply":
          loseReply = true
          break
        case "Layer":
          layer = {
            layer: fault.layer,
            reason: fault.reason === undefined ? undefined : reasonOf(fault.reason, operation)
          }
          break
        case "CutOutput":
          cut = fault.bytes
          break
      }
    }
    const end = decided ?? Effect.succeed<Verdict>({ loseReply, layer, cut })
    return wait === 0 ? end : Effect.andThen(Effect.interruptible(this.orGone(Effect.sleep(wait))), end)
  }

  #note(operation: Operation, target: string): Effect.Effect<Verdict, Errors.Reason> {
    return Clock.clockWith((clock) => {
      const call: Call = { operation, target, at: clock.currentTimeMillisUnsafe() }
      this.#calls.push(call)
      if (this.#calls.length > 2 * remembered) this.#calls = this.#calls.slice(-remembered)
      return this.#judge(call)
    })
  }

  /** Waits for something, or until the engine is gone. */
  orGone<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Errors.Reason, R> {
    return Effect.suspend(() => Effect.raceFirst(effect, Deferred.await(this.#gone)))
  }

  effect<A, E, R>(
    operation: Operation,
    target: string,
    run: (verdict: Verdict) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Errors.Reason, R> {
    return Effect.flatMap(
      this.#note(operation, target),
      (verdict) => verdict.loseReply ? Effect.flatMap(run(verdict), () => Effect.fail(lost(operation))) : run(verdict)
    )
  }

  stream<A, E, R>(
    operation: Operation,
    target: string,
    run: (verdict: Verdict) => Stream.Stream<A, E, R>
  ): Stream.Stream<A, E | Errors.Reason, R> {
    return Stream.unwrap(Effect.map(this.#note(operation, target), (verdict) => {
      const stream = run(verdict)
      return verdict.loseReply ? Stream.concat(stream, Stream.fail(lost(operation))) : stream
    }))
  }

  /** A stream that fails when the engine goes away in its middle. */
  untilGone<A, E, R>(stream: Stream.Stream<A, E, R>): Stream.Stream<A, E | Errors.Reason, R> {
    return Stream.suspend(() => Stream.interruptWhen(stream, Deferred.await(this.#gone)))
  }
}

const lost = (operation: string): Errors.Reason =>
  new Errors.Unavailable({
    operation,
    message: `the connection to the engine was lost before ${operation} was answered`
  })

/** What a dead engine says. */
export const gone = (operation: string): Errors.Reason =>
  new Errors.Unavailable({ operation, message: "the in-memory engine is gone" })
