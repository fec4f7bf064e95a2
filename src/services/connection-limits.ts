// How many connections a server has, in all and from one address.

import { countOption, functionOption } from './option-checks.js'

export interface LimitOptions<Request> {
  maxConnections?: number | null | undefined
  maxConnectionsPerAddress?: number | null | undefined
  addressOf?: ((request: Request) => string | undefined) | null | undefined
}

/** What is looked at in a request. */
export interface LimitedRequest {
  socket?: { readonly remoteAddress?: string | undefined } | null
}

/** What refuses one connection more. */
export const TOO_MANY = 1
export const TOO_MANY_OF_ADDRESS = 2

/** The place of a connection; addresses that are not known are not counted. */
export interface Place {
  address: string | undefined
}

export class ConnectionLimits<Request extends LimitedRequest> {
  private readonly most: number
  private readonly mostPerAddress: number
  private readonly addressOf: ((request: Request) => string | undefined) | null
  private count = 0
  /** Those with a connection: never more than there are connections. */
  private readonly counts = new Map<string, number>()

  /** @throws {TypeError} or {RangeError} for options that are none */
  constructor(options: LimitOptions<Request>) {
    this.most = countOption('maxConnections', options.maxConnections, Infinity)
    this.mostPerAddress = countOption('maxConnectionsPerAddress', options.maxConnectionsPerAddress, Infinity)
    this.addressOf = functionOption('addressOf', options.addressOf)
  }

  /** Whether there is anything to count. */
  get isNone(): boolean {
    return this.most === Infinity && this.mostPerAddress === Infinity
  }

  /** Takes a place; a number if there is none. What `addressOf` throws comes out. */
  take(request: Request): Place | typeof TOO_MANY | typeof TOO_MANY_OF_ADDRESS {
    if (this.count >= this.most) return TOO_MANY
    let address: string | undefined
    if (this.mostPerAddress !== Infinity) {
      address = this.addressOf === null ? request.socket?.remoteAddress : this.addressOf(request)
      if (address != null) {
        const count = this.counts.get(address) ?? 0
        if (count >= this.mostPerAddress) return TOO_MANY_OF_ADDRESS
        this.counts.set(address, count + 1)
      }
    }
    this.count++
    return { address }
  }

  release({ address }: Place): void {
    this.count--
    if (address == null) return
    const count = this.counts.get(address)! - 1
    if (count > 0) this.counts.set(address, count)
    else this.counts.delete(address)
  }
}
