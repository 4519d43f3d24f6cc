// Plays the person: plain form posts, as a browser without JavaScript would send them.
import assert from 'node:assert/strict'

/** More pages and redirects than a flow has. */
const HOPS_MAX = 12

/** A person's browser: it keeps cookies, fills the login form, and agrees to whatever it is asked. */
export class Browser {
  #cookies = new Map()
  #username
  #password

  constructor(username, password) {
    this.#username = username
    this.#password = password
  }

  /** Goes where it is sent until it is sent to `back`: answers that URL or, if a form is to be posted there, the request. */
  async follow(start, back) {
    let url = start
    let form
    for (let hops = 0; hops < HOPS_MAX; hops++) {
      if (url.href.startsWith(back)) return url
      const response = await this.#send(url, form)
      const location = response.headers.get('location')
      if (location) {
        url = new URL(location, url)
        form = undefined
        continue
      }
      const page = await response.text()
      assert.ok(response.ok, `${response.status} at ${url.pathname}: ${page.slice(0, 400)}`)
      url = new URL(unescaped(/<form[^>]* action="([^"]*)"/.exec(page)?.[1] ?? url.pathname), url)
      form = hiddenFields(page)
      if (url.href.startsWith(back)) return new Request(url, { method: 'POST', body: form })
      this.#fill(page, form)
    }
    throw new Error('the person goes in circles')
  }

  async #send(url, form) {
    const headers = { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
    if (form) headers.origin = url.origin
    const response = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      this.#cookies.set(name, value)
    }
    return response
  }

  #fill(page, form) {
    if (page.includes('name="password"')) {
      form.set('username', this.#username)
      form.set('password', this.#password)
    } else {
      form.set('decision', page.includes('value="logout"') ? 'logout' : 'allow')
    }
  }
}

function hiddenFields(page) {
  const form = new URLSearchParams()
  for (const [tag] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    form.set(/ name="([^"]*)"/.exec(tag)[1], unescaped(/ value="([^"]*)"/.exec(tag)?.[1] ?? ''))
  }
  return form
}

function unescaped(value) {
  return value.replaceAll('&quot;', '"').replaceAll('&#x2f;', '/').replaceAll('&#x27;', "'").replaceAll('&amp;', '&')
}
