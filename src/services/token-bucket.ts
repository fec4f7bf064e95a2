// A token bucket without a timer: what has flowed in is worked out when somebody looks.

export class TokenBucket {
  /** May be below 0, where something was taken that had come already. */
  private tokens: number
  private at: number

  /**
   * It is full at first.
   * @param perMs tokens that flow in
   * @param capacity tokens that it holds at most
   */
  constructor(
    private readonly perMs: number,
    private readonly capacity: number,
    now: number
  ) {
    this.tokens = capacity
    this.at = now
  }

  /** Whole tokens that are there. */
  available(now: number): number {
    this.fill(now)
    return Math.floor(this.tokens)
  }

  /** Takes tokens, whether or not they are there. Returns whether they were. */
  take(count: number, now: number): boolean {
    this.fill(now)
    this.tokens -= count
    return this.tokens >= 0
  }

  /** Time until so many tokens are there, in ms; 0 if they are. */
  untilAvailable(count: number, now: number): number {
    this.fill(now)
    return this.tokens >= count ? 0 : (count - this.tokens) / this.perMs
  }

  private fill(now: number): void {
    const elapsed = now - this.at
    // A clock that was set back gives nothing, and takes nothing
    if (elapsed > 0) this.tokens = Math.min(this.capacity, this.tokens + elapsed * this.perMs)
    this.at = now
  }
}
