import * as Schema from "effect/Schema"

const Milliseconds = Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

/** What can be said about reaching a server of Docker's API, as fields of an engine's config. */
export const address = {
  host: Schema.optional(Schema.String),
  tls: Schema.optional(Schema.Struct({
    ca: Schema.optional(Schema.String),
    cert: Schema.optional(Schema.String),
    key: Schema.optional(Schema.RedactedFromValue(Schema.String)),
    verify: Schema.optional(Schema.Boolean)
  })),
  apiVersion: Schema.optional(Schema.String),
  connectTimeout: Schema.optional(Milliseconds),
  healthTimeout: Schema.optional(Milliseconds),
  requestTimeout: Schema.optional(Milliseconds)
}

export type Address = Schema.Struct<typeof address>["Type"]
