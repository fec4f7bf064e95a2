// What the demo's page does, in two tabs of a real browser. HYBI_SCREENSHOTS names a folder for its pictures.

import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from './chromium.mjs'
import { startDemo } from './demo-process.mjs'

const screenshots = process.env.HYBI_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'hybi-demo-'))
const complaints = []
let demo
let address
let browser
let ada
let bob

beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true })
  demo = startDemo('--port', '0')
  ;[address, browser] = await Promise.all([demo.ready(), launchChromium()])
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  ada = await openTab(context, 'Ada')
  bob = await openTab(context, 'Bob')
})

afterAll(async () => {
  await browser?.close()
  await demo?.interrupt()
})

async function openTab(context, name) {
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${name}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`))
  await page.goto(`${address}/`)
  await page.getByText('Connected', { exact: true }).waitFor()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Name').press('Tab')
  await page.getByText(`is now ${name}`).waitFor()
  return page
}

async function say(page, text) {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByLabel('Message', { exact: true }).press('Enter')
}

/** The text of a message in a tab's log, once it is there; the name of who said it comes first. */
function said(page, text) {
  return page.locator('#log li:not(.event)', { hasText: text }).locator('.what').textContent()
}

describe('the demo page', () => {
  it('has hybi in its title and is isolated from other origins', async () => {
    expect(await ada.title()).toContain('hybi')
    expect(await ada.evaluate('crossOriginIsolated')).toBe(true)
  })

  it('shows what the opening handshake negotiated and which kernels serve the connection', async () => {
    expect(await ada.locator('#c-address').textContent()).toBe(`${address.replace('http', 'ws')}/chat`)
    expect(await ada.locator('#c-protocol').textContent()).toBe('chat.hybi')
    expect(await ada.locator('#c-extensions').textContent()).toMatch(/^permessage-deflate/)
    expect(await ada.locator('#c-kernels').textContent()).toMatch(/^(wasm|js|native)$/)
    expect(await ada.locator('#c-available').textContent()).toMatch(/\bjs\b.*default: (wasm|js|native|auto)/)
    expect(await ada.locator('#c-server').textContent()).toMatch(/^hybi \d+\.\d+\.\d+, Node\.js \d+/)
    expect(await ada.locator('#people').textContent()).toBe('2 here')
  })

  it('carries chat from either tab to both', async () => {
    await say(ada, 'Good morning from the first tab')
    expect(await said(bob, 'first tab')).toBe('AdaGood morning from the first tab')
    await say(bob, 'And to you, from the second: Grüße, привет')
    expect(await said(ada, 'the second')).toBe('BobAnd to you, from the second: Grüße, привет')
    expect(await said(bob, 'the second')).toBe('BobAnd to you, from the second: Grüße, привет')
  })

  it('shows markup in a message as the text that it is', async () => {
    await say(bob, '<b>bold</b> & <img src=x>')
    expect(await said(ada, '<b>bold')).toBe('Bob<b>bold</b> & <img src=x>')
    expect(await ada.locator('#log b, #log img').count()).toBe(0)
  })

  it('does not send a message that is too long for the room', async () => {
    await say(ada, 'é'.repeat(1_000))
    expect(await ada.locator('#chat-problem').textContent()).toMatch(/^Too long by \d+ octets\.$/)
    await say(ada, 'Short again')
    expect(await said(bob, 'Short again')).toBe('AdaShort again')
  })

  it('closes with 1009 whoever sends more than 2,000 octets all the same', async () => {
    expect(await closeCode(ada, '/chat', 'x'.repeat(2_001))).toBe(1009)
  })

  it('gives a tab that comes later the recent messages', async () => {
    await bob.reload()
    expect(await said(bob, 'Good morning')).toBe('AdaGood morning from the first tab')
    expect(await bob.getByLabel('Name').inputValue()).toBe('Bob')
  })

  it('draws a live chart of round trips, which can be paused', async () => {
    await ada.locator('#rtt-chart polyline').waitFor()
    const line = () => ada.locator('#rtt-chart polyline').evaluate(({ points }) => points.numberOfItems)
    await expect.poll(line, { timeout: 20_000 }).toBeGreaterThan(30)
    for (const figure of ['median', 'p99', 'last']) {
      expect(await ada.locator(`#rtt-${figure}`).textContent()).toMatch(/^\d+(\.\d+)? ms$/)
    }
    await ada.getByRole('button', { name: 'Pause' }).click()
    expect(await ada.getByRole('button', { name: 'Resume' }).getAttribute('aria-pressed')).toBe('true')
    const points = () => ada.locator('#rtt-chart polyline').getAttribute('points')
    const drawn = await points()
    await ada.waitForTimeout(600)
    expect(await points()).toBe(drawn)
    await ada.getByRole('button', { name: 'Resume' }).click()
    await expect.poll(line, { timeout: 20_000 }).toBe(60)
  })

  it('measures the WASM kernels against the JS ones and draws the results as bars', async () => {
    await ada.getByRole('button', { name: 'Run benchmark' }).click()
    await ada.getByText(/^Done\./).waitFor({ timeout: 25_000 })
    const rates = await ada.locator('#bench-results td.rate').allTextContents()
    expect(rates).toHaveLength(3 * 4 * 3)
    for (const rate of rates) expect(Number(rate)).toBeGreaterThan(0)
    const widths = await ada.locator('#bench-results .bar').evaluateAll((bars) => bars.map((bar) => parseFloat(bar.style.width)))
    expect(Math.min(...widths)).toBeGreaterThan(0)
    expect(widths.filter((width) => width === 100)).toHaveLength(3)
  })

  it('fits light and dark, wide and narrow windows without scrolling sideways', async () => {
    for (const [name, width, colorScheme] of [
      ['light', 1280, 'light'],
      ['dark', 1280, 'dark'],
      ['narrow', 360, 'light'],
      ['narrow-dark', 360, 'dark']
    ]) {
      await ada.setViewportSize({ width, height: 900 })
      await ada.emulateMedia({ colorScheme })
      expect(await ada.evaluate('document.documentElement.scrollWidth')).toBe(width)
      await ada.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
    }
  })

  it('logs no error or warning to the console', () => {
    expect(complaints).toEqual([])
  })

  it('sees 1001 when the server stops, and connects again when it is back', async () => {
    const code = ada.evaluate(
      (path) =>
        new Promise((resolve) => {
          const socket = new WebSocket(path)
          socket.onopen = () => document.body.setAttribute('data-probe', 'open')
          socket.onclose = (event) => resolve([event.code, event.reason, event.wasClean])
        }),
      '/echo'
    )
    await ada.locator('body[data-probe=open]').waitFor()
    expect(await demo.interrupt()).toEqual({ code: 0, signal: null })
    expect(await code).toEqual([1001, 'the server is stopping', true])
    for (const page of [ada, bob]) {
      await page.getByText('The connection was closed (1001: the server is stopping)').waitFor()
      await page.getByText(/^(Not connected|Connecting again)/).waitFor()
    }
    await ada.screenshot({ path: join(screenshots, 'lost.png') })

    demo = startDemo('--port', new URL(address).port)
    expect(await demo.ready()).toBe(address)
    for (const page of [ada, bob]) await page.getByText('Connected', { exact: true }).waitFor()
    await say(ada, 'Here again')
    expect(await said(bob, 'Here again')).toBe('AdaHere again')
  })
})

/** Opens a connection from a page, sends `message` and returns the code it is closed with. */
function closeCode(page, path, message) {
  return page.evaluate(
    ([path, message]) =>
      new Promise((resolve) => {
        const socket = new WebSocket(path)
        socket.onopen = () => socket.send(message)
        socket.onclose = (event) => resolve(event.code)
      }),
    [path, message]
  )
}
