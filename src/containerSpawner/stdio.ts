import type * as ChildProcess from "effect/process/ChildProcess"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"

/** Standard input as a command has it, completed. */
export const inputOf = ({ stdin }: ChildProcess.CommandOptions): ChildProcess.StdinConfig =>
  stdin === undefined || typeof stdin === "string" || Stream.isStream(stdin) ? { stream: stdin ?? "pipe" } : stdin

/** What becomes of an output. */
export const outputOf = (
  options: ChildProcess.CommandOptions,
  side: "stdout" | "stderr"
): ChildProcess.CommandOutput => {
  const config = options[side]
  if (config === undefined || typeof config === "string" || Sink.isSink(config)) return config ?? "pipe"
  return config.stream ?? "pipe"
}
