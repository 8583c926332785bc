/**
 * A container that is there: its id or name, or what has its id, such as a handle.
 *
 * @category models
 * @since 0.1.0
 */
export type Target = string | { readonly id: string; readonly image?: string | undefined }

/** What errors say of it. */
export const identify = (target: Target): { readonly id: string; readonly image: string } =>
  typeof target === "string" ? { id: target, image: "" } : { id: target.id, image: target.image ?? "" }
