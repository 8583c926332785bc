import * as Schema from "effect/Schema"

const optionsFields = {
  /** The image that the options are for. */
  image: Schema.String,
  /** The option at fault: `"command"`, `"variable"`, `"volume"`, ... */
  field: Schema.String,
  /** The rule that it breaks, with the value that breaks it. */
  issue: Schema.String
}

/**
 * The description of an image, or of how to get it, is not valid. No engine was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageOptions
  extends Schema.TaggedError<ImageOptions>("effect-containers/Errors/ImageOptions")("ImageOptions", optionsFields)
{
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `image options of ${JSON.stringify(this.image)} are not valid: ${this.field}: ${this.issue}`
  }
}

/**
 * The description of a container is not valid. No engine was called.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContainerOptions extends Schema.TaggedError<ContainerOptions>("effect-containers/Errors/ContainerOptions")(
  "ContainerOptions",
  optionsFields
) {
  /** Whether trying again may help. */
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `container options for ${JSON.stringify(this.image)} are not valid: ${this.field}: ${this.issue}`
  }
}
