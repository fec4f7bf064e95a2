// Which pages may connect (RFC 6455 §10.2): a browser names the origin of its page, and nothing else keeps another site's page from
// connecting with the cookies of its visitor.

import { booleanOption, wrongType } from './option-checks.js'

/** What is looked at in a request. */
export interface OriginRequest {
  headers: { readonly host?: string | undefined }
  socket?: unknown
}

/** Whether a page of this origin may connect; anything but true is no. */
export type OriginCheck<Request> = (origin: string, request: Request) => boolean

export interface OriginOptions<Request> {
  origins?: 'same-origin' | readonly string[] | OriginCheck<Request> | null | undefined
  requireOrigin?: boolean | null | undefined
}

export interface OriginPolicy<Request> {
  allows: OriginCheck<Request>
  /** Whether a request without Origin, which no browser sends, is refused. */
  isRequired: boolean
}

const ALLOWED = `"same-origin", a list of origins such as "https://example.com", or a function`

/**
 * The policy that the options ask for; null if they ask for none.
 * @throws {TypeError} for what is none
 */
export function originPolicy<Request extends OriginRequest>(options: OriginOptions<Request>): OriginPolicy<Request> | null {
  const { origins } = options
  const isRequired = booleanOption('requireOrigin', options.requireOrigin)
  if (origins == null) return isRequired ? { allows: () => true, isRequired } : null
  return { allows: checkOf(origins), isRequired }
}

/** Whether a request with this value of Origin may go on. */
export function isOriginAllowed<Request>(
  { allows, isRequired }: OriginPolicy<Request>,
  origin: unknown,
  request: Request
): boolean {
  if (origin === undefined) return !isRequired
  // A promise, say, is not a yes
  return typeof origin === 'string' && allows(origin, request) === true
}

function checkOf<Request extends OriginRequest>(origins: NonNullable<OriginOptions<Request>['origins']>): OriginCheck<Request> {
  if (typeof origins === 'function') return origins
  if (origins === 'same-origin') return isSameOrigin
  if (!Array.isArray(origins)) return wrongType('origins', origins, ALLOWED)
  for (const origin of origins) if (!isSerialized(origin)) return wrongType('origins', origin, ALLOWED)
  const set: ReadonlySet<string> = new Set(origins as string[])
  return (origin) => set.has(origin)
}

/** Whether the page came from where it connects to: the scheme is that of the connection, the rest what the client calls us. */
function isSameOrigin(origin: string, { headers, socket }: OriginRequest): boolean {
  const { host } = headers
  if (typeof host !== 'string') return false
  const isEncrypted = Boolean((socket as { encrypted?: unknown } | null | undefined)?.encrypted)
  return origin === originOf(`${isEncrypted ? 'https' : 'http'}://${host}`)
}

/** Whether `origin` is written as browsers write it (RFC 6454 §6.2): lower case, no default port, no path. "null" is nobody's in particular. */
function isSerialized(origin: unknown): boolean {
  if (typeof origin !== 'string') return false
  const serialized = originOf(origin)
  // Of schemes that are not the web's (an extension's, say) URL knows none
  return serialized === 'null'
    ? /^(?!https?:|wss?:|ftp:|file:)[a-z][a-z0-9+.-]*:\/\/[^\s/?#A-Z]+$/.test(origin)
    : serialized === origin
}

function originOf(url: string): string | undefined {
  try {
    return new URL(url).origin
  } catch {
    return undefined
  }
}
