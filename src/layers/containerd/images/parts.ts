import type { Channel } from "../channel.ts"
import * as Content from "./content.ts"
import * as Documents from "./documents.ts"
import * as Records from "./records.ts"
import * as Store from "./store.ts"
import * as Unpack from "./unpack.ts"

/** What the operations on images are made of. */
export interface Parts {
  readonly channel: Channel
  readonly snapshotter: string
  readonly content: Content.Content
  readonly documents: Documents.Documents
  readonly records: Records.Records
  readonly store: Store.Store
  readonly unpack: Unpack.Unpack
}

export const make = (channel: Channel, snapshotter: string): Parts => {
  const content = Content.make(channel)
  const documents = Documents.make(content)
  const records = Records.make(channel)
  return {
    channel,
    snapshotter,
    content,
    documents,
    records,
    store: Store.make(content, documents, records),
    unpack: Unpack.make(channel, content, snapshotter)
  }
}
