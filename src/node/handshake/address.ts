// What a client may be given as its address (RFC 6455 §3), and where that leads.

/** An address, taken apart. */
export interface Address {
  url: URL
  isSecure: boolean
  /** Whether it names a socket in the file system (`ws+unix:`). */
  isIpc: boolean
}

/**
 * Parses an address; http and https stand for ws and wss, and a URL object that is given is not changed.
 * @throws {SyntaxError} if it is no URL
 */
export function parseAddress(address: string | URL): Address {
  let url: URL
  if (address instanceof URL) {
    url = address
  } else {
    try {
      url = new URL(address)
    } catch {
      throw new SyntaxError(`Invalid URL: ${address}`)
    }
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') {
    url = new URL(url)
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
  }
  return { url, isSecure: url.protocol === 'wss:', isIpc: url.protocol === 'ws+unix:' }
}

/** Why a client cannot connect there; null if it can. */
export function checkAddress({ url, isSecure, isIpc }: Address): SyntaxError | null {
  if (url.protocol !== 'ws:' && !isSecure && !isIpc) {
    return new SyntaxError('The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"')
  }
  if (isIpc && !url.pathname) return new SyntaxError("The URL's pathname is empty")
  // §3: fragment identifiers are meaningless here and MUST NOT be used
  if (url.hash) return new SyntaxError('The URL contains a fragment identifier')
  return null
}
