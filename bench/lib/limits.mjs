// What every server and client of the suite agrees on.

export const HOST = '127.0.0.1'
/** Largest message, in octets: twice the largest that is sent. */
export const MAX_MESSAGE = 32 * 1024 * 1024
