import * as Result from "effect/Result"
import * as Reference from "../Reference.ts"
import { type Filter, toRecord } from "./filter.ts"

/**
 * Why a filter cannot be applied: its key is not known to who applies it, or its value is none that the key can have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly key: string
  readonly issue: string
}

/** What a key means: whether a value holds, or what is wrong with the value. */
export type Test = (value: string) => boolean | string

export const match = (
  self: Filter,
  tests: ReadonlyMap<string, Test>
): Result.Result<boolean, Refusal> => {
  let passes = true
  for (const [key, values] of Object.entries(toRecord(self))) {
    const test = tests.get(key)
    if (test === undefined) {
      const known = [...tests.keys()].join(", ")
      return Result.fail({ key, issue: `the filter ${JSON.stringify(key)} is not known here; known are ${known}` })
    }
    const held: Array<boolean> = []
    for (const value of values) {
      const holds = test(value)
      if (typeof holds === "string") {
        return Result.fail({ key, issue: `the filter ${key} cannot have the value ${JSON.stringify(value)}: ${holds}` })
      }
      held.push(holds)
    }
    if (!(key === "label" ? held.every(Boolean) : held.some(Boolean))) passes = false
  }
  return Result.succeed(passes)
}

export const hasLabel = (labels: Readonly<Record<string, string>>): Test => (value) => {
  const equals = value.indexOf("=")
  const key = equals < 0 ? value : value.slice(0, equals)
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === value.slice(equals + 1))
}

const normalised = (text: string): string =>
  Result.match(Reference.parseResult(text), {
    onSuccess: (reference) => Reference.withDefaultTag(reference).canonical,
    onFailure: () => text
  })

export const sameImage = (image: string, imageId: string | undefined): Test => (value) =>
  value === image || normalised(value) === normalised(image) ||
  (imageId !== undefined && Reference.isId(value) &&
    imageId.replace(/^sha256:/, "").startsWith(value.replace(/^sha256:/, "")))
