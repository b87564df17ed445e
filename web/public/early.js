// Asks for what the page of this address shows first, while the code that shows it is still on its way; src/live/early.ts hands the
// answers on. It asks for what src/firstReads.ts reads, and a test holds the two together. A file of its own, because the server's
// policy allows no inline script.
(() => {
  const ON_EVERY_PAGE = ['/cluster', '/alerts?state=open&limit=100', '/managers?limit=500'];
  const BY_PAGE = {
    '/': ['/services/counts', '/services/watch', '/operations?limit=100'],
    '/nodes-and-services': ['/hosts?limit=500'],
    '/nodes-and-services/services': ['/services/mapping', '/services/watch'],
    '/nodes-and-services/services-ha': ['/services/ha', '/services/ha/services?limit=500&notable=true'],
    '/nodes-and-services/mapping': ['/hosts?limit=500', '/services/mapping'],
  };
  const REQUEST_MAX_MS = 15_000;
  const asked = new Map();
  window.kmEarly = asked;
  const ask = (path) => {
    const headers = { 'X-KM-Client': 'web' };
    const answer = fetch(`/api/v1${path}`, { headers, signal: AbortSignal.timeout(REQUEST_MAX_MS) });
    // Whoever takes it hears of it.
    answer.catch(() => undefined);
    asked.set(`/api/v1${path}`, answer);
    return answer;
  };
  // Nothing else is shown to whoever is not signed in. And what is asked for after that answer tells of nothing older: from its
  // revision on the page hears what changes (src/live/client.ts).
  ask('/me?consistency=local').then(
    (me) => {
      if (!me.ok) return;
      for (const path of [...ON_EVERY_PAGE, ...(BY_PAGE[location.pathname] ?? [])]) ask(path);
    },
    () => undefined,
  );
})();
