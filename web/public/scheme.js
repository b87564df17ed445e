// Light or dark before the first paint. A file of its own, because the server's policy allows no inline script.
(() => {
  const chosen = localStorage.getItem('km-scheme') ?? 'auto';
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const scheme = chosen === 'auto' ? (dark ? 'dark' : 'light') : chosen;
  document.documentElement.setAttribute('data-mantine-color-scheme', scheme);
})();
