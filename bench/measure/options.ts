/** What follows a bench's name: `--rounds 20`, and what else it counts; `--keep`; names of engines. */
import { parseArgs } from "node:util"

const known = (defaults: Readonly<Record<string, number>>) =>
  parseArgs({
    allowPositionals: true,
    options: {
      keep: { type: "boolean", default: false },
      ...Object.fromEntries(
        Object.entries(defaults).map(([name, value]) => [name, { type: "string", default: String(value) }] as const)
      )
    }
  })

/** Whether what was found is to be put where the page is made of it. */
export const keep = process.argv.includes("--keep")

/** Numbers that may be given as options. */
export const counts = <Name extends string>(defaults: Readonly<Record<Name, number>>): Record<Name, number> => {
  const { values } = known(defaults)
  const given: ReadonlyArray<readonly [string, number]> = Object.keys(defaults).map((name) => [
    name,
    Number(values[name as keyof typeof values])
  ])
  for (const [name, value] of given) if (!(value > 0)) throw new Error(`--${name} is a number above 0`)
  return Object.fromEntries(given) as Record<Name, number>
}

/** What was given without a name, or else this. */
export const names = (defaults: ReadonlyArray<string>, counted: Readonly<Record<string, number>>) => {
  const { positionals } = known(counted)
  return positionals.length === 0 ? defaults : positionals
}
