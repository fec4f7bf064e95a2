// Credentials on a chain of redirects: they must not go where they do not belong, to another host, or from a secure to an insecure one.

import { Buffer } from 'node:buffer'
import type { ClientOptions } from '../options.js'
import type { Address } from './address.js'
import type { RequestSettings } from './client-request.js'

type Headers = NonNullable<ClientOptions['headers']>

/** Where a request goes, as far as credentials are concerned. */
export interface Destination {
  isIpc: boolean
  isSecure: boolean
  hostOrSocketPath: string | undefined
}

export function destinationOf({ url, isIpc, isSecure }: Address, settings: RequestSettings<never>): Destination {
  return { isIpc, isSecure, hostOrSocketPath: isIpc ? settings.socketPath : url.host }
}

/** A copy of `headers` in which the names are in lower case. */
export function lowerCaseNames(headers: Headers = {}): Headers {
  const copy: Headers = {}
  for (const [name, value] of Object.entries(headers)) copy[name.toLowerCase()] = value
  return copy
}

/** Takes those credentials from the settings of a request that were meant for `first` and do not belong to `next`. */
export function dropCredentials(settings: RequestSettings<never>, first: Destination, next: Destination): void {
  const isSameHost = first.isIpc === next.isIpc && first.hostOrSocketPath === next.hostOrSocketPath
  if (isSameHost && !(first.isSecure && !next.isSecure)) return
  delete settings.headers!.authorization
  delete settings.headers!.cookie
  if (!isSameHost) delete settings.headers!.host
  settings.auth = undefined
}

/** Adds the credentials of a request to `headers`, for all requests that follow; a header of the user's wins over those of the address. */
export function keepCredentials({ auth }: RequestSettings<never>, headers: Headers): void {
  if (auth && !headers.authorization) headers.authorization = `Basic ${Buffer.from(auth).toString('base64')}`
}
