// Every way in which hybi differs from ws on purpose. Nothing else may differ; the suite fails on an entry that no longer shows.

export interface Difference {
  id: string
  /** Name of the scenario in which it shows. */
  scenario: string
  /** Which side must be hybi for it to show. */
  where: 'client' | 'server' | 'either'
  lane: string
  /** Consecutive lines of ws's transcript, and what stands in their place in hybi's. */
  ws: string[]
  hybi: string[]
  reason: string
}

export const differences: Difference[] = []
