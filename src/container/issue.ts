import * as ByteSize from "effect/ByteSize"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** What is wrong with an option: its name, and why. */
export type Issue = readonly [field: string, issue: string]

export const show = (value: string): string => JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}...` : value)

/** A list that an engine hands to execve(2): none of it can hold a NUL. */
export const checkArguments = (field: string, list: ReadonlyArray<string>): Issue | undefined => {
  const bad = list.find((item) => item.includes("\0"))
  return bad === undefined ? undefined : [field, `${show(bad)} has a NUL character, which no argument can hold`]
}

export const checkVariable = (name: string, value: string | Redacted.Redacted<string>): Issue | undefined => {
  if (name === "") return ["variable", "a variable needs a name"]
  if (name.includes("=")) return ["variable", `the name ${show(name)} has a "=", which ends a name`]
  if (name.includes("\0")) return ["variable", `the name ${show(name)} has a NUL character`]
  const text = Redacted.isRedacted(value) ? Redacted.value(value) : value
  // The value may be a secret: it is not shown.
  return text.includes("\0") ? ["variable", `the value of ${show(name)} has a NUL character`] : undefined
}

export const checkTarget = (field: string, path: string): Issue | undefined => {
  if (!path.startsWith("/")) {
    return [field, `the path in the container ${show(path)} is not absolute: it must begin with "/"`]
  }
  if (path.includes("\0")) return [field, `the path ${show(path)} has a NUL character`]
  return undefined
}

export const checkUser = (user: string): Issue | undefined =>
  /^[^\s:\0]+(?::[^\s:\0]+)?$/.test(user)
    ? undefined
    : ["user", `${show(user)} is not of the form user, uid, user:group or uid:gid`]

export const size = (field: string, input: ByteSize.Input): number | Issue => {
  const bytes = Option.flatMap(ByteSize.fromInput(input), ByteSize.toNumber)
  return Option.isSome(bytes) && Number.isSafeInteger(bytes.value)
    ? bytes.value
    : [
      field,
      `${show(String(input))} is not a size: give a whole number of bytes, or text such as "512 MiB" or "1.5 GB"`
    ]
}

/** RFC 1123. */
export const hostName = /^(?!-)[a-zA-Z0-9-]{1,63}(?:\.(?!-)[a-zA-Z0-9-]{1,63})*$/
