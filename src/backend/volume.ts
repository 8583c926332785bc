import type * as DateTime from "effect/DateTime"

/**
 * A volume that an engine is asked to make.
 *
 * @category models
 * @since 0.1.0
 */
export interface VolumeConfig {
  readonly name: string
  /** The engine's own default without: `"local"`. */
  readonly driver?: string | undefined
  /** What only the driver understands. */
  readonly options: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/**
 * A volume as its engine shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface VolumeInfo {
  readonly name: string
  readonly driver: string
  readonly labels: Readonly<Record<string, string>>
  readonly createdAt?: DateTime.Utc | undefined
}
