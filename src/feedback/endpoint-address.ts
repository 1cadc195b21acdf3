// Where a route of an endpoint is: below the path of its base URL, before a query such as Azure's `?api-version=…`.

/** @param route e.g. `chat/completions`; a base URL that already ends with it, as portals show it, stays as it is */
export function routeUrl(baseUrl: string, route: string): string {
  const [path, query] = splitQuery(baseUrl)
  const base = path.replace(/(?<!\/)\/+$/, '').replace(/(?:\/chat)?\/completions$/, '')
  return `${base}/${route}${query}`
}

function splitQuery(address: string): [path: string, query: string] {
  const at = address.indexOf('?')
  return at < 0 ? [address, ''] : [address.slice(0, at), address.slice(at)]
}
