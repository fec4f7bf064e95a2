// One message to many connections in a row is deflated once for all that have the same history: those that got the same messages since
// they were opened, or the same ones for a whole window. Histories have numbers; nothing is compared but the message. A message of
// more than 16 KiB is deflated once for all, whatever their histories are: without reference to these.

/** What a deflater's output depends on, beside the message. */
export interface HistoryHolder {
  /** Number of the history; 0 for none. */
  history: number
  /** The history of another deflater that had the same messages lately, and how many octets of them. */
  follows: number
  followed: number
}

/** What came of the latest message with one history. */
export interface Result {
  /** Level and largest distance: both have to be the same. */
  effort: unknown
  reach: number
  /** Histories before and after the message, and what the latter follows. */
  before: number
  after: number
  follows: number
  followed: number
  /** Number of octets, with the trailer. */
  length: number
  /** The octets; null as long as they are where the module wrote them. */
  octets: Uint8Array | null
}

/** What came of the latest message without a history. */
export interface SharedResult {
  effort: unknown
  reach: number
  /** Number of the history that the message itself is. */
  after: number
  /** With the trailer. */
  octets: Uint8Array
}

/** Most results of one message that are kept: histories and windows that take turns. */
const MOST_RESULTS = 8

export class Repeats {
  /** The first `count` count; the others are used again. */
  private readonly results: Result[] = []
  private count = 0
  private histories = 0
  private shared: SharedResult[] = []

  /** A number that no other history has. */
  newHistory(): number {
    return ++this.histories
  }

  /** Another message comes, or the module's output is about to be used for something else. */
  reset(): void {
    this.count = 0
    if (this.shared.length > 0) this.shared = []
  }

  /** The result that the latest message has for any connection; null if there is none yet. */
  findShared(effort: unknown, reach: number): SharedResult | null {
    return this.shared.find((result) => result.reach === reach && result.effort === effort) ?? null
  }

  addShared(effort: unknown, reach: number, octets: Uint8Array): SharedResult {
    const result = { effort, reach, after: this.newHistory(), octets }
    this.shared.push(result)
    return result
  }

  /** The result that the latest message has for `holder`, which takes it over with its history; null if there is none yet. */
  find(holder: HistoryHolder, effort: unknown, reach: number): Result | null {
    for (let i = 0; i < this.count; i++) {
      const result = this.results[i]
      if (result.before === holder.history && result.reach === reach && result.effort === effort) {
        holder.history = result.after
        holder.follows = result.follows
        holder.followed = result.followed
        return result
      }
    }
    return null
  }

  /** Copies the result that lies where the module will write the next one. */
  save(octets: Uint8Array, start: number): void {
    for (let i = 0; i < this.count; i++) {
      const result = this.results[i]
      result.octets ??= octets.slice(start, start + result.length)
    }
  }

  /**
   * Notes what `holder` made of the latest message, and gives it its new history: that of another that had the same messages for `reach`
   * octets, or a new one.
   * @param messageLength octets of the message
   * @param length octets that the module wrote
   */
  add(holder: HistoryHolder, effort: unknown, reach: number, messageLength: number, length: number): void {
    const before = holder.history
    const after = this.follow(holder, effort, reach, messageLength)
    holder.history = after
    // One of many keeps the first, which others may follow
    const index = this.count === MOST_RESULTS ? 1 + (after % (MOST_RESULTS - 1)) : this.count++
    const result = (this.results[index] ??= newResult())
    result.effort = effort
    result.reach = reach
    result.before = before
    result.after = after
    result.follows = holder.follows
    result.followed = holder.followed
    result.length = length
    result.octets = null
  }

  /** The number of the history that `holder` has now. */
  private follow(holder: HistoryHolder, effort: unknown, reach: number, messageLength: number): number {
    if (this.count === 0) {
      holder.followed = 0
      return this.newHistory()
    }
    let leader: Result | null = null
    for (let i = 0; leader === null && i < this.count; i++) {
      const result = this.results[i]
      if (result.before === holder.follows && result.reach === reach && result.effort === effort) leader = result
    }
    if (leader === null) {
      leader = this.results[0]
      holder.followed = 0
    }
    holder.follows = leader.after
    holder.followed += messageLength
    const isSame = holder.followed >= reach && leader.effort === effort && leader.reach === reach
    return isSame ? leader.after : this.newHistory()
  }
}

function newResult(): Result {
  return { effort: null, reach: 0, before: 0, after: 0, follows: 0, followed: 0, length: 0, octets: null }
}
