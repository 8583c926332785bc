import * as Filter from "../../Filter.ts"

/** The parameter `filters`; `undefined` for a filter that everything passes. */
export const filters = (filter: Filter.Filter): string | undefined =>
  filter.terms.length === 0 ? undefined : JSON.stringify(Filter.toRecord(filter))
