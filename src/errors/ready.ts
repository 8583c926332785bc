import * as Schema from "effect/Schema"
import { ExitStatus } from "../ExitStatus.ts"
import { because, Reason } from "./reason.ts"

/** How a condition stood when it was given up. */
const Condition = Schema.Struct({
  /** Such as `port 5432`. */
  condition: Schema.String,
  /** `false` also when it was never found out. */
  holds: Schema.Boolean,
  /** What was seen last, such as `connection refused`. */
  saw: Schema.String
})

/**
 * A container did not become ready. `TimedOut`: not by its deadline. `Conflict`: it never will, since it has ended or is
 * unhealthy. Otherwise it could not be found out. Carries what there is to know about why.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerReady extends Schema.TaggedError<ContainerReady>("effect-containers/Errors/ContainerReady")(
  "ContainerReady",
  {
    /** The engine's id of the container. */
    id: Schema.String,
    /** The image that it was made from, as it was named; `""` when it was found by id. */
    image: Schema.String,
    reason: Reason,
    /** Each condition that was waited for, and how it stood. */
    conditions: Schema.Array(Condition),
    /** The container's state, such as `"running"`; absent when the engine could not say. */
    state: Schema.optionalKey(Schema.String),
    /** How it ended, if it has. */
    exit: Schema.optionalKey(ExitStatus),
    /** What its health check said last, if it has one. */
    health: Schema.optionalKey(Schema.String),
    /** The last lines that it wrote. */
    lastLines: Schema.String
  }
) {
  override readonly cause = this.reason
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    const name = this.image === "" ? this.id.slice(0, 12) : `${this.id.slice(0, 12)} (${this.image})`
    const missing = this.conditions.map(({ condition, holds, saw }) =>
      `\n- ${condition}: ${holds ? "yes" : "no"}${saw === "" ? "" : `, ${saw}`}`
    )
    const health = this.health === undefined ? "" : `\nIts health check says: ${this.health}`
    const last = this.lastLines.trimEnd().split("\n").slice(-10).join("\n").slice(-2000)
    return `container ${name} is not ready: ${because(this.reason)}${missing.join("")}${health}${
      last === "" ? "" : `\nIts last words:\n${last}`
    }`
  }
}
