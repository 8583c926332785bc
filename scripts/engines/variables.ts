/**
 * How tests are told where engines are: by variables whose names begin with `EFFECT_CONTAINERS_TEST_`.
 */
import type { Engines } from "./start.ts"

export const variable = (name: string): string => `EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll("-", "_")}`

/** Of all that was started. */
export const variables = (started: Engines): Readonly<Record<string, string>> => {
  const found: Record<string, string> = { [variable("machine")]: started.machine }
  for (const [name, { address, client, host, nodes = [] }] of Object.entries(started.engines)) {
    found[variable(name)] = host
    for (const node of nodes) found[variable(node.name)] = `unix://${node.socket}`
    for (const [key, value] of Object.entries({ address, ...client })) found[variable(`${name}-${key}`)] = value
  }
  for (const [name, address] of Object.entries(started.registries)) found[variable(name)] = address
  for (const [name, file] of Object.entries(started.authorities)) found[variable(`${name}-ca`)] = file
  return found
}
