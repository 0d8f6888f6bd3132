/** The addresses that a page links to on its own site. */
export function linksIn(html: string, page: string): string[] {
  const found = new Set<string>();
  for (const [, target] of html.matchAll(/<a\s[^>]*href="([^"]*)"/gi)) {
    const link = URL.canParse(target ?? '', page) ? new URL(target ?? '', page) : undefined;
    if (!link || link.origin !== new URL(page).origin) continue;
    link.hash = '';
    found.add(link.href);
  }
  return [...found];
}
