/**
 * The engine that the examples run on: the first that answers, or the one that `ENGINE` describes in JSON, as
 * `{ "_tag": "Containerd", "namespace": "examples" }`. Their programs do not change with it.
 */
import { Config, Effect, Layer, Option, Schema } from "effect"
import * as Auto from "effect-containers/layers/Auto"

const described = Config.option(Config.schema(Schema.fromJsonString(Auto.BackendConfig), "ENGINE"))

export const engine = Layer.unwrap(
  Effect.map(described, Option.match({ onNone: () => Auto.layer(), onSome: Auto.fromConfig }))
)

/** Anything with a shell and busybox's commands. */
export const image = process.env["QUICKSTART_IMAGE"] ?? "busybox:1.37"
