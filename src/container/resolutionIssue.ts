import { isIP } from "node:net"
import type { Options } from "./description.ts"
import { hostName, type Issue, show } from "./issue.ts"

/** What is wrong with what it is told of names and addresses. */
export const resolutionIssue = ({ dns, extraHosts = [], hostAccess, networks }: Options): Issue | undefined => {
  if (hostAccess !== undefined && (hostAccess.length > 253 || !hostName.test(hostAccess))) {
    return ["hostAccess", `${show(hostAccess)} is not a host name (RFC 1123)`]
  }
  if (hostAccess !== undefined && networks.some(({ name }) => name === "none")) {
    return ["hostAccess", "without a network it reaches no host"]
  }
  for (const { address, name } of extraHosts) {
    if (name.length > 253 || !hostName.test(name)) return ["extraHost", `${show(name)} is not a host name (RFC 1123)`]
    if (isIP(address) === 0) return ["extraHost", `${show(address)}, for ${show(name)}, is not an IP address`]
  }
  if (dns === undefined) return undefined
  const server = dns.servers.find((server) => isIP(server) === 0)
  if (server !== undefined) return ["dns", `the name server ${show(server)} is not an IP address`]
  const domain = dns.search.find((domain) => domain.length > 253 || !hostName.test(domain))
  if (domain !== undefined) return ["dns", `${show(domain)} is not a domain to search`]
  const option = dns.options.find((option) => !/^[a-z0-9-]+(?::\d+)?$/.test(option))
  return option === undefined ? undefined : ["dns", `${show(option)} is not an option, such as "ndots:2"`]
}
