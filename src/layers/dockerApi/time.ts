import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/** A time as an engine writes it; `undefined` for Go's zero time, which stands for "never". */
export const read = (text: string | undefined): DateTime.Utc | undefined => {
  if (text === undefined || text === "" || text.startsWith("0001-01-01")) return undefined
  const time = DateTime.make(text)
  return time._tag === "Some" ? DateTime.toUtc(time.value) : undefined
}

export const epoch: DateTime.Utc = DateTime.makeUnsafe(0)

/** Milliseconds since the epoch; Go's zero time, what is before the epoch and what is no time is the epoch. */
export const fromMillis = (millis: number): DateTime.Utc =>
  millis > 0 ? Option.getOrElse(DateTime.make(millis), () => epoch) : epoch

/** The same of seconds. */
export const fromSeconds = (seconds: number): DateTime.Utc => fromMillis(seconds * 1000)

/** As the API's `since` and `until` take it: seconds, and nanoseconds behind the point. */
export const parameter = (time: DateTime.Utc | undefined): string | undefined => {
  if (time === undefined) return undefined
  const millis = DateTime.toEpochMillis(time)
  const seconds = Math.floor(millis / 1000)
  return `${seconds}.${String(millis - seconds * 1000).padStart(3, "0")}000000`
}
