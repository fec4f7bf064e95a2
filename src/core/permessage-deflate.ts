// permessage-deflate: negotiation of its parameters, and the transform of one message (RFC 7692 §7).

import type { ExtensionParameters } from './extension.js'
import type { CodecCallback, DeflateCodec, Deflater, DeflaterOptions, Inflater } from './codec.js'

/** Name of the extension in Sec-WebSocket-Extensions (RFC 7692 §7). */
export const PERMESSAGE_DEFLATE = 'permessage-deflate'

/** Messages below this size are not compressed if context takeover is off, in octets. */
export const DEFAULT_THRESHOLD = 1024

/** Base-two logarithm of the largest window, which is the one used if none was negotiated (RFC 7692 §7.1.2). */
const MAX_WINDOW_BITS = 15
const MIN_WINDOW_BITS = 8

/** What a side wishes for in the negotiation: true or a number asks for a parameter, false refuses it, nothing leaves it to the peer. */
export interface NegotiationOptions {
  serverNoContextTakeover?: boolean | undefined
  clientNoContextTakeover?: boolean | undefined
  serverMaxWindowBits?: boolean | number | null | undefined
  clientMaxWindowBits?: boolean | number | null | undefined
}

/** Parameters of one offer, or those agreed on, with values of their proper types (RFC 7692 §7.1). */
export interface DeflateParameters {
  server_no_context_takeover?: true
  client_no_context_takeover?: true
  server_max_window_bits?: number
  /** In an offer `true` says that the client supports the parameter and names no size. */
  client_max_window_bits?: number | true
}

/** Parameters of the offer that a client with these options makes (RFC 7692 §7.1). */
export function offer(options: NegotiationOptions): DeflateParameters {
  const params: DeflateParameters = {}
  if (options.serverNoContextTakeover) params.server_no_context_takeover = true
  if (options.clientNoContextTakeover) params.client_no_context_takeover = true
  if (options.serverMaxWindowBits) params.server_max_window_bits = options.serverMaxWindowBits as number
  if (options.clientMaxWindowBits) params.client_max_window_bits = options.clientMaxWindowBits as number
  else if (options.clientMaxWindowBits == null) params.client_max_window_bits = true
  return params
}

/**
 * Turns parsed parameters, in place, into ones with single values of their proper types.
 * @throws {Error} for an unknown parameter or one that repeats
 * @throws {TypeError} for a value that the parameter cannot have (RFC 7692 §7.1)
 */
export function normalizeParameters(configurations: ExtensionParameters[], isServer: boolean): DeflateParameters[] {
  for (const params of configurations) {
    for (const name of Object.keys(params)) {
      const values = params[name]
      if (values.length > 1) throw new Error(`Parameter "${name}" must have only a single value`)
      const normal = normalizeValue(name, values[0], isServer)
      ;(params as Record<string, unknown>)[name] = normal
    }
  }
  return configurations as unknown as DeflateParameters[]
}

function normalizeValue(name: string, value: string | true, isServer: boolean): number | true {
  switch (name) {
    case 'server_no_context_takeover':
    case 'client_no_context_takeover':
      // §7.1.1: these have no value
      if (value === true) return true
      break
    case 'client_max_window_bits':
      // §7.1.2.2: only an offer may have it without a value
      if (value === true && isServer) return true
      if (value !== true && isWindowBits(+value)) return +value
      break
    case 'server_max_window_bits':
      if (value !== true && isWindowBits(+value)) return +value
      break
    default:
      throw new Error(`Unknown parameter "${name}"`)
  }
  throw new TypeError(`Invalid value for parameter "${name}": ${value}`)
}

function isWindowBits(value: number): boolean {
  return Number.isInteger(value) && value >= MIN_WINDOW_BITS && value <= MAX_WINDOW_BITS
}

/**
 * Chooses the first acceptable one of a client's offers and turns it, in place, into the parameters of the response (RFC 7692 §7.1).
 * @throws {Error} if no offer is acceptable
 */
export function acceptAsServer(options: NegotiationOptions, offers: DeflateParameters[]): DeflateParameters {
  const { serverMaxWindowBits, clientMaxWindowBits } = options
  const accepted = offers.find((params) => isAcceptable(options, params))
  if (accepted === undefined) throw new Error('None of the extension offers can be accepted')

  if (options.serverNoContextTakeover) accepted.server_no_context_takeover = true
  if (options.clientNoContextTakeover) accepted.client_no_context_takeover = true
  if (typeof serverMaxWindowBits === 'number') accepted.server_max_window_bits = serverMaxWindowBits
  if (typeof clientMaxWindowBits === 'number') accepted.client_max_window_bits = clientMaxWindowBits
  else if (accepted.client_max_window_bits === true || clientMaxWindowBits === false) delete accepted.client_max_window_bits
  return accepted
}

function isAcceptable(options: NegotiationOptions, params: DeflateParameters): boolean {
  const { serverMaxWindowBits, clientMaxWindowBits } = options
  if (options.serverNoContextTakeover === false && params.server_no_context_takeover) return false
  if (params.server_max_window_bits) {
    if (serverMaxWindowBits === false) return false
    // §7.1.2.1: the server's window must be no larger than what the offer allows
    if (typeof serverMaxWindowBits === 'number' && serverMaxWindowBits > params.server_max_window_bits) return false
  }
  if (typeof clientMaxWindowBits === 'number') {
    // §7.1.2.2: a server must not ask this of a client that did not offer it
    const offered = params.client_max_window_bits
    return typeof offered === 'number' ? clientMaxWindowBits <= offered : offered === true
  }
  return true
}

/**
 * Judges a server's response and completes it, in place, by what this client does on its own account (RFC 7692 §7.1).
 * @throws {Error} if the response has a parameter that the offer did not allow
 */
export function acceptAsClient(options: NegotiationOptions, response: DeflateParameters[]): DeflateParameters {
  const params = response[0]
  const { clientMaxWindowBits } = options
  if (options.clientNoContextTakeover === false && params.client_no_context_takeover) {
    throw new Error('Unexpected parameter "client_no_context_takeover"')
  }

  const windowBits = params.client_max_window_bits
  if (!windowBits) {
    if (typeof clientMaxWindowBits === 'number') params.client_max_window_bits = clientMaxWindowBits
  } else if (
    clientMaxWindowBits === false ||
    (typeof clientMaxWindowBits === 'number' && Number(windowBits) > clientMaxWindowBits)
  ) {
    throw new Error('Unexpected or invalid parameter "client_max_window_bits"')
  }
  return params
}

/** Parsed offers (on a server) or the parsed response (on a client) to the parameters agreed on; throws what the steps throw. */
export function accept(options: NegotiationOptions, isServer: boolean, configurations: ExtensionParameters[]): DeflateParameters {
  const normal = normalizeParameters(configurations, isServer)
  return isServer ? acceptAsServer(options, normal) : acceptAsClient(options, normal)
}

export interface MessageDeflateOptions {
  codec: DeflateCodec
  isServer: boolean
  /** What was agreed on. */
  params: DeflateParameters
  /** In octets. */
  threshold?: number | undefined
  zlibDeflateOptions?: Readonly<Record<string, unknown>> | undefined
  zlibInflateOptions?: Readonly<Record<string, unknown>> | undefined
}

/** Both directions of one connection's compression; each codec part is made when it is first needed (RFC 7692 §7.2). */
export class MessageDeflate {
  readonly codec: DeflateCodec
  private readonly threshold: number
  private readonly deflaterOptions: DeflaterOptions
  private readonly inflaterOptions: DeflaterOptions
  private deflater: Deflater | null
  private inflater: Inflater | null

  constructor(options: MessageDeflateOptions) {
    const { params, isServer } = options
    const server = {
      windowBits: windowBitsOf(params.server_max_window_bits),
      noContextTakeover: params.server_no_context_takeover === true
    }
    const client = {
      windowBits: windowBitsOf(params.client_max_window_bits),
      noContextTakeover: params.client_no_context_takeover === true
    }
    this.codec = options.codec
    this.threshold = options.threshold ?? DEFAULT_THRESHOLD
    this.deflaterOptions = { ...(isServer ? server : client), zlib: options.zlibDeflateOptions }
    this.inflaterOptions = { ...(isServer ? client : server), zlib: options.zlibInflateOptions }
    this.deflater = null
    this.inflater = null
  }

  /** Whether what is sent is compressed message by message, without reference to others. */
  get noContextTakeover(): boolean {
    return this.deflaterOptions.noContextTakeover
  }

  /**
   * Whether to compress a message whose first fragment has `length` octets: with context takeover always, as even a small message feeds
   * the history; without it from the threshold on.
   */
  worthDeflating(length: number): boolean {
    return !this.deflaterOptions.noContextTakeover || length >= this.threshold
  }

  /** As `Deflater.deflate`. Options that the codec refuses throw here. */
  deflate(octets: Uint8Array, fin: boolean, done: CodecCallback): Uint8Array | null {
    this.deflater ??= this.codec.createDeflater(this.deflaterOptions)
    return this.deflater.deflate(octets, fin, done)
  }

  /** As `Inflater.inflate`. Options that the codec refuses throw here. */
  inflate(octets: Uint8Array, fin: boolean, maxLength: number, done: CodecCallback, kept = false): Uint8Array | Error | null {
    this.inflater ??= this.codec.createInflater(this.inflaterOptions)
    return this.inflater.inflate(octets, fin, maxLength, done, kept)
  }

  /** Frees both directions; a pending `done` of each is called with an error. A later call begins anew, without history. */
  close(): void {
    const { deflater, inflater } = this
    this.deflater = null
    this.inflater = null
    inflater?.close()
    deflater?.close()
  }
}

function windowBitsOf(value: number | true | undefined): number {
  return typeof value === 'number' ? value : MAX_WINDOW_BITS
}
