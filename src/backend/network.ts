import type * as DateTime from "effect/DateTime"

/**
 * A network that an engine is asked to make.
 *
 * @category models
 * @since 0.1.0
 */
export interface NetworkConfig {
  readonly name: string
  /** The engine's own default without: `"bridge"`. */
  readonly driver?: string | undefined
  /** Its containers reach each other and nothing else. */
  readonly internal: boolean
  /** Addresses of IPv6 besides those of IPv4. */
  readonly ipv6: boolean
  /** In CIDR form; of the engine's choice without. */
  readonly subnet?: string | undefined
  readonly gateway?: string | undefined
  /** What only the driver understands. */
  readonly options: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/**
 * A network as its engine shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface NetworkInfo {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly internal: boolean
  readonly ipv6: boolean
  /** In CIDR form. */
  readonly subnets: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  readonly createdAt?: DateTime.Utc | undefined
}
