/**
 * What properties failed on before: `corpus/NAME.jsonl`, a value a line. A failure adds a line; it stays when it is mended.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const file = (name: string): string => fileURLToPath(new URL(`corpus/${name}.jsonl`, import.meta.url))

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** As JSON, and what JSON has no word for: bytes, `undefined` in a list, numbers that are none. */
const encode = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? { $hex: Buffer.from(value).toString("hex") }
    : value === undefined
    ? { $undefined: true }
    : typeof value === "number" && !Number.isFinite(value)
    ? { $number: String(value) }
    : Array.isArray(value)
    ? value.map(encode)
    : isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, value]) => [key, encode(value)]))
    : value

const decode = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(decode)
    : !isObject(value)
    ? value
    : typeof value["$hex"] === "string"
    ? new Uint8Array(Buffer.from(value["$hex"], "hex"))
    : value["$undefined"] === true
    ? undefined
    : typeof value["$number"] === "string"
    ? Number(value["$number"])
    : Object.fromEntries(Object.entries(value).map(([key, value]) => [key, decode(value)]))

/** Those of a property, whose values are of a type that only it knows. */
export const read = <A>(name: string): ReadonlyArray<A> =>
  existsSync(file(name))
    ? readFileSync(file(name), "utf8").split("\n").filter((line) => line !== "")
      .map((line) => decode(JSON.parse(line)) as A)
    : []

export const keep = (name: string, value: unknown): void => {
  const line = `${JSON.stringify(encode(value))}\n`
  const known = existsSync(file(name)) ? readFileSync(file(name), "utf8") : ""
  if (!known.includes(line)) appendFileSync(file(name), line)
}
