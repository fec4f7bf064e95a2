// A headless Chromium for the tests: HYBI_CHROMIUM names its executable, else the usual places are tried.

import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export function launchChromium() {
  const executablePath = process.env.HYBI_CHROMIUM ?? PLACES.find((place) => existsSync(place))
  if (!executablePath) throw new Error(`No Chromium in ${PLACES.join(', ')}; name one in HYBI_CHROMIUM.`)
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', // it refuses to start as root with one
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync'
    ]
  })
}
