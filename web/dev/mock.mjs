// The development API as three HTTP servers with one memory. Each is a child process one may kill to see a failover:
// it only passes bytes on to its port in this process. Killed ones come back after 15 s.
//   node dev/mock.mjs [--stay-dead]     then sign in as admin / admin at http://localhost:9101
// Writes dev/demo/cluster.json in the shape `km demo` writes, so that the e2e specs can run against it while developing.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { routes, signIn } from './api.mjs';
import { back, cluster, lose, state, tellStatus } from './state.mjs';

const DIST = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const DEMO = join(dirname(fileURLToPath(import.meta.url)), 'demo');
const BACK_AFTER_MS = process.argv.includes('--stay-dead') ? undefined : 15_000;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' http://localhost:*";

function match(method, path) {
  const parts = path.split('/');
  for (const [route, handle] of Object.entries(routes)) {
    const [wantedMethod, wantedPath] = route.split(' ');
    const wanted = wantedPath.split('/');
    if (wantedMethod !== method || wanted.length !== parts.length) continue;
    if (!wanted.every((w, n) => w.startsWith(':') || w === parts[n])) continue;
    return {
      handle,
      params: Object.fromEntries(wanted.map((w, n) => [w.slice(1), decodeURIComponent(parts[n])])),
    };
  }
}

async function bodyOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text === '' ? {} : JSON.parse(text);
}

const json = (response, status, body, headers = {}) =>
  response
    .writeHead(status, {
      'Content-Type': status < 400 ? 'application/json' : 'application/problem+json',
      ...headers,
    })
    .end(body === undefined ? '' : JSON.stringify(body));
const problem = (response, status, code, detail) =>
  json(response, status, {
    type: `errors#${code}`,
    title: code,
    status,
    detail,
    code,
    hint: null,
    request_id: 'dev',
  });

function userOf(request) {
  const token = /__Host-km=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  return state.users.find((u) => u.username === state.sessions.get(token));
}

function events(here, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const write = ({ name, id, data }) =>
    response.write(
      `${id ? `id: ${id}\n` : ''}event: ${name}\ndata: ${JSON.stringify(name === 'status' ? cluster(here) : data)}\n\n`,
    );
  write({ name: 'status' });
  state.listeners.add(write);
  response.on('close', () => state.listeners.delete(write));
}

async function answer(here, request, response) {
  const url = new URL(request.url, 'http://here');
  const path = url.pathname.replace('/api/v1', '');
  if (path === '/openapi.json') return json(response, 200, {});
  if (request.method === 'POST' && path === '/login') {
    const signedIn = signIn(await bodyOf(request));
    return json(response, 200, signedIn, {
      'Set-Cookie': `__Host-km=${signedIn.token}; Path=/; Secure; HttpOnly; SameSite=Strict`,
    });
  }
  const user = userOf(request);
  if (!user) return problem(response, 401, 'NOT_SIGNED_IN', 'Sign in first.');
  if (path === '/logout')
    return json(response, 204, undefined, { 'Set-Cookie': '__Host-km=; Path=/; Secure; Max-Age=0' });
  if (path === '/events') return events(here, response);
  const found = match(request.method, path);
  if (!found) return problem(response, 404, 'NO_SUCH_PATH', path);
  const local = url.searchParams.get('consistency') === 'local' || /^\/(cluster|managers)/.test(path);
  if (cluster(here).active === null && !(request.method === 'GET' && local))
    return problem(response, 503, 'NO_ACTIVE', 'No active Kyvos Manager.');
  const body = request.method === 'GET' ? {} : await bodyOf(request);
  const result = found.handle({ here, user, body, request, params: found.params, query: url.searchParams });
  json(
    response,
    result === undefined ? 204 : 200,
    result,
    url.searchParams.has('consistency') ? { 'X-KM-Age-Ms': '4200' } : {},
  );
}

function page(request, response) {
  const path = new URL(request.url, 'http://here').pathname;
  const file = extname(path) && existsSync(join(DIST, path)) ? join(DIST, path) : join(DIST, 'index.html');
  if (!existsSync(file)) return response.writeHead(404).end('npm run build first');
  response
    .writeHead(200, { 'Content-Type': TYPES[extname(file)], 'Content-Security-Policy': CSP })
    .end(readFileSync(file));
}

const demo = { admin: { username: 'admin', password: 'admin' }, ca: null, managers: [] };
function record(id, pid) {
  const entry = {
    id,
    api_url: `http://localhost:${9100 + id}`,
    peer_addr: '',
    health_url: '',
    pid,
    config: '',
    data_dir: '',
    log: '',
  };
  demo.managers = [...demo.managers.filter((m) => m.id !== id), entry].sort((a, b) => a.id - b.id);
  mkdirSync(DEMO, { recursive: true });
  writeFileSync(join(DEMO, 'cluster.json'), JSON.stringify(demo, null, 2));
}

function front(id) {
  const program = `const net=require('net');net.createServer(c=>{const u=net.connect(${9400 + id},'127.0.0.1');c.pipe(u);u.pipe(c);for(const s of[c,u])s.on('error',()=>{c.destroy();u.destroy()})}).listen(${9100 + id})`;
  const child = spawn(process.execPath, ['-e', program], { stdio: 'inherit' });
  record(id, child.pid);
  child.on('exit', () => {
    lose(id);
    if (BACK_AFTER_MS) setTimeout(() => front(id), BACK_AFTER_MS);
  });
  process.on('exit', () => child.kill());
  if (state.managers.find((m) => m.id === id).state !== 'running') back(id);
}

for (const { id } of state.managers) {
  createServer((request, response) => {
    const task = request.url.startsWith('/api/') ? answer(id, request, response) : page(request, response);
    Promise.resolve(task).catch((error) =>
      problem(response, error.status ?? 500, error.code ?? 'BUG', error.message),
    );
  }).listen(9400 + id, '127.0.0.1');
  front(id);
}
setInterval(tellStatus, 5000).unref();
process.on('SIGINT', () => process.exit());
process.on('SIGTERM', () => process.exit());
