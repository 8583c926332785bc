/** Addresses of IPv4 that begin alike. */
export interface Subnet {
  /** The first of them, as a number. */
  readonly first: number
  readonly bits: number
}

const sizeOf = (bits: number): number => 2 ** (32 - bits)

/** As `10.5.0.0/16`; `undefined`: it is none of IPv4. */
export const parse = (text: string): Subnet | undefined => {
  const [, address, bits] = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(text) ?? []
  if (address === undefined || Number(bits) > 32) return undefined
  const parts = address.split(".").map(Number)
  if (parts.some((part) => part > 255)) return undefined
  const size = sizeOf(Number(bits))
  const whole = parts.reduce((sum, part) => sum * 256 + part, 0)
  return { first: Math.floor(whole / size) * size, bits: Number(bits) }
}

export const show = ({ bits, first }: Subnet): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${bits}`

export const overlap = (one: Subnet, other: Subnet): boolean =>
  one.first < other.first + sizeOf(other.bits) && other.first < one.first + sizeOf(one.bits)

/** Those of 256 addresses that a larger one is made of, each once, beginning at a place of nobody's choice. */
export function* split(self: Subnet): Iterable<Subnet> {
  const bits = Math.max(24, self.bits)
  const count = 2 ** (bits - self.bits)
  const begin = Math.floor(Math.random() * count)
  for (let n = 0; n < count; n++) yield { first: self.first + (begin + n) % count * sizeOf(bits), bits }
}

/** The subnets that a machine has ways to, but for the way to everywhere else: what `/proc/net/route` says. */
export const routed = (text: string): ReadonlyArray<Subnet> =>
  text.split("\n").slice(1).flatMap((line) => {
    const [, destination = "", , , , , , mask = ""] = line.trim().split(/\s+/)
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
    // In the machine's order, which is the reverse of the network's.
    const number = (hex: string) => Buffer.from(hex, "hex").readUInt32LE()
    const bits = number(mask).toString(2).replaceAll("0", "").length
    return bits === 0 ? [] : [{ first: number(destination), bits }]
  })
