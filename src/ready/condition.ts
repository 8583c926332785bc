import type * as Redacted from "effect/Redacted"

/** What is waited for: a leaf that is watched, or leaves put together. */
export type Condition =
  | {
    readonly _tag: "Log"
    readonly pattern: RegExp | string
    readonly times: number
    readonly source?: "stdout" | "stderr" | undefined
  }
  | { readonly _tag: "Port"; readonly port: number }
  | {
    readonly _tag: "Http"
    readonly path: string
    readonly port: number
    readonly status: number | ReadonlyArray<number> | ((status: number) => boolean) | undefined
    readonly body: string | RegExp | ((body: string) => boolean) | undefined
    readonly headers: Readonly<Record<string, string | Redacted.Redacted<string>>>
  }
  | {
    readonly _tag: "Exec"
    readonly command: string | ReadonlyArray<string>
    readonly user?: string | undefined
    readonly env: Readonly<Record<string, string | Redacted.Redacted<string>>>
  }
  | { readonly _tag: "Healthcheck" }
  | { readonly _tag: "Exited"; readonly code: number }
  | { readonly _tag: "All" | "Any"; readonly conditions: ReadonlyArray<Condition> }
  | { readonly _tag: "Not"; readonly condition: Condition }

/** Those that are watched. */
export type Leaf = Exclude<Condition, { readonly _tag: "All" | "Any" | "Not" }>

const shown = (value: string | ReadonlyArray<string>): string => {
  const text = typeof value === "string" ? value : value.join(" ")
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** As a person would say it. */
export const describe = (leaf: Leaf): string => {
  switch (leaf._tag) {
    case "Log": {
      const pattern = typeof leaf.pattern === "string" ? JSON.stringify(leaf.pattern) : String(leaf.pattern)
      return `log ${pattern}${leaf.times === 1 ? "" : `, ${leaf.times} times`}`
    }
    case "Port":
      return `port ${leaf.port}`
    case "Http":
      return `http ${leaf.path} on port ${leaf.port}`
    case "Exec":
      return `exec ${shown(leaf.command)}`
    case "Healthcheck":
      return "health check"
    case "Exited":
      return `exited with ${leaf.code}`
  }
}

/** The leaves, from left to right. */
export const leavesOf = (condition: Condition): ReadonlyArray<Leaf> => {
  switch (condition._tag) {
    case "All":
    case "Any":
      return condition.conditions.flatMap(leavesOf)
    case "Not":
      return leavesOf(condition.condition)
    default:
      return [condition]
  }
}

/** Whether a condition holds, by what is known of its leaves; `undefined`: nobody can tell yet. */
export const evaluate = (condition: Condition, of: (leaf: Leaf) => boolean | undefined): boolean | undefined => {
  switch (condition._tag) {
    case "All":
    case "Any": {
      // One of these decides; without it, one that is not known leaves all open.
      const deciding = condition._tag === "Any"
      const values = new Set(condition.conditions.map((one) => evaluate(one, of)))
      return values.has(deciding) ? deciding : values.has(undefined) ? undefined : !deciding
    }
    case "Not": {
      const value = evaluate(condition.condition, of)
      return value === undefined ? undefined : !value
    }
    default:
      return of(condition)
  }
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535

/** What is wrong with a condition, `undefined` when nothing is. */
export const issueOf = (condition: Condition): string | undefined => {
  for (const leaf of leavesOf(condition)) {
    if (leaf._tag === "Log" && !(Number.isInteger(leaf.times) && leaf.times >= 1)) {
      return `${leaf.times} is not a number of times: it must be a whole number from 1 on`
    }
    if ((leaf._tag === "Port" || leaf._tag === "Http") && !isPort(leaf.port)) return `${leaf.port} is not a port`
    if (leaf._tag === "Http" && !/^\/[\x21-\x7e]*$/.test(leaf.path)) {
      return `${JSON.stringify(leaf.path)} is not a path: it must begin with "/" and have no spaces`
    }
    if (leaf._tag === "Exec" && (leaf.command.length === 0 || leaf.command[0] === "")) return "the command is empty"
    if (leaf._tag === "Exited" && !(Number.isInteger(leaf.code) && leaf.code >= 0 && leaf.code <= 255)) {
      return `${leaf.code} is not an exit code: it must be a whole number from 0 to 255`
    }
  }
  return undefined
}
