// The routes of the development API: enough truth to look at every page, and not one rule more.
import { hostRoutes } from './hosts.mjs';
import { change, cluster, find, manager, PRIVILEGES, setProperty, state } from './state.mjs';

class Refused extends Error {
  constructor(status, code, detail, hint) {
    super(detail);
    Object.assign(this, { status, code, hint });
  }
}
const no = (status, code, detail, hint) => {
  throw new Refused(status, code, detail, hint);
};
const list = (items) => ({ items });

function valid(kind, value) {
  if (kind.type === 'yes_no' && !/^(yes|no)$/i.test(value)) no(400, 'INVALID_VALUE', 'Only yes or no.');
  if (kind.type === 'choice' && !kind.choices.includes(value))
    no(400, 'INVALID_VALUE', `One of ${kind.choices.join(', ')}.`);
  if (kind.type === 'integer' && !(Number(value) >= kind.min && Number(value) <= kind.max))
    no(400, 'INVALID_VALUE', `From ${kind.min} to ${kind.max}.`);
  return kind.type === 'yes_no' ? value.toLowerCase() : value;
}
function expect(request, revision) {
  const wanted = request.headers['if-match'];
  if (wanted && wanted !== `"${revision}"`)
    no(412, 'CHANGED', `Was changed at revision ${revision}, expected ${wanted}.`);
}
const page = (items, query, limitDefault = 100) => {
  const start = Number(query.get('after') ?? 0);
  const limit = Number(query.get('limit') ?? limitDefault);
  const next = start + limit < items.length ? String(start + limit) : undefined;
  return { items: items.slice(start, start + limit), next };
};
const knownProperty = (file, name) =>
  find(file, name) ?? no(404, 'NO_SUCH_PROPERTY', `${file}/${name} does not exist.`);
const knownOperation = (id) =>
  state.operations.find((o) => o.id === Number(id)) ??
  no(404, 'NO_SUCH_OPERATION', `There is no operation ${id}.`);
const withoutSteps = ({ steps, ...rest }) => rest;

function finish(o, status, user, kind) {
  o.status = status;
  o.finished_at = status === 'running' ? null : new Date().toISOString();
  o.revision = change(user, 'operations', kind, String(o.id));
  return o;
}

export const routes = {
  ...hostRoutes(no),
  'GET /me': ({ user }) => ({
    username: user.username,
    role: user.role,
    privileges: PRIVILEGES[user.role],
    kind: 'session',
    expires_at: null,
  }),
  'POST /me/password': ({ user, body }) => {
    if (state.passwords.get(user.username) !== body.existing)
      no(403, 'WRONG_PASSWORD', 'The existing password is wrong.');
    state.passwords.set(user.username, body.new);
    change(user.username, 'access', 'password', user.username);
  },
  'GET /cluster': ({ here }) => cluster(here),
  'GET /managers': ({ here }) => list(state.managers.map((m) => manager(m, here))),
  'PATCH /managers/:id': ({ params, body, user, here, request }) => {
    const m = state.managers.find((x) => x.id === Number(params.id));
    expect(request, m.revision ?? 57);
    if (body.alias && state.managers.some((x) => x.id !== m.id && x.alias === body.alias))
      no(409, 'ALIAS_TAKEN', `${body.alias} is the alias of another node.`);
    const before = m.alias;
    m.alias = body.alias;
    m.revision = change(user.username, 'managers', 'alias_set', m.host, { before, after: m.alias });
    return manager(m, here);
  },
  'GET /properties': ({ query }) =>
    page(
      state.properties.filter((p) => !query.get('file') || p.file === query.get('file')),
      query,
    ),
  'GET /properties/:file/:name': ({ params }) => knownProperty(params.file, params.name),
  'PUT /properties/:file/:name': ({ params, body, user, request }) => {
    let p = find(params.file, params.name);
    if (!p && params.file !== 'custom') no(404, 'NO_SUCH_PROPERTY', 'No such property.');
    p ??= {
      file: 'custom',
      name: params.name,
      value: '',
      default: null,
      is_default: false,
      description: null,
      kind: { type: 'text', max_bytes: 4096 },
      scope: 'global',
      restart: [],
      revision: 0,
      modified: null,
    };
    expect(request, p.revision);
    const value = valid(p.kind, body.value);
    if (!state.properties.includes(p)) state.properties.push(p);
    setProperty(p, value, user.username, 'set', body.reason);
    return p;
  },
  'DELETE /properties/:file/:name': ({ params, user, request }) => {
    const p = knownProperty(params.file, params.name);
    expect(request, p.revision);
    if (p.default === null) state.properties.splice(state.properties.indexOf(p), 1);
    setProperty(p, p.default ?? '', user.username, 'reset');
    return { revision: p.revision };
  },
  'GET /properties/:file/:name/history': ({ params, query }) =>
    page(state.history.get(`${params.file}/${params.name}`) ?? [], query),
  'POST /properties/:file/:name/revert': ({ params, body, user, request }) => {
    const p = knownProperty(params.file, params.name);
    expect(request, p.revision);
    const then =
      state.history.get(`${p.file}/${p.name}`)?.find((h) => h.revision === body.revision) ??
      no(404, 'NO_SUCH_REVISION', 'No such revision.');
    setProperty(p, then.value, user.username, 'reverted', body.reason);
    return p;
  },
  'GET /operations': ({ query }) =>
    page(
      state.operations
        .filter((o) => !query.get('status') || o.status === query.get('status'))
        .map(withoutSteps),
      query,
    ),
  'GET /operations/:id': ({ params }) => knownOperation(params.id),
  'POST /operations/:id/cancel': ({ params, user }) =>
    finish(knownOperation(params.id), 'cancelled', user.username, 'cancelled'),
  'POST /operations/:id/retry': ({ params, user }) =>
    finish(knownOperation(params.id), 'running', user.username, 'retried'),
  'GET /audit': ({ query }) =>
    page(
      state.audit.filter(
        (a) =>
          (!query.get('user') || a.user === query.get('user')) &&
          (!query.get('room') || a.action.startsWith(`${query.get('room')}.`)),
      ),
      query,
    ),
  'GET /users': () => list(state.users),
  'POST /users': ({ body, user }) => {
    if (state.users.some((u) => u.username === body.username))
      no(409, 'USER_EXISTS', `${body.username} exists already.`);
    const at = new Date().toISOString();
    state.passwords.set(body.username, body.password);
    const made = {
      username: body.username,
      role: body.role,
      status: 'active',
      locked_until: null,
      created_at: at,
      changed_at: at,
      revision: change(user.username, 'access', 'user_added', body.username),
    };
    state.users.push(made);
    return made;
  },
  'PATCH /users/:name': ({ params, body, user }) => {
    const found =
      state.users.find((u) => u.username === params.name) ?? no(404, 'NO_SUCH_USER', 'No such user.');
    if (body.password) state.passwords.set(params.name, body.password);
    const { password, ...rest } = body;
    Object.assign(found, rest, {
      changed_at: new Date().toISOString(),
      revision: change(user.username, 'access', 'user_changed', params.name),
    });
    return found;
  },
  'DELETE /users/:name': ({ params, user }) => {
    if (params.name === user.username)
      no(409, 'LAST_ADMINISTRATOR', 'The last administrator cannot be deleted.');
    state.users = state.users.filter((u) => u.username !== params.name);
    change(user.username, 'access', 'user_deleted', params.name);
  },
  'GET /tokens': () => list(state.tokens),
  'POST /tokens': ({ body, user }) => {
    const id = change(user.username, 'access', 'token_issued', body.name);
    const made = {
      id,
      name: body.name,
      role: body.role,
      created_by: user.username,
      created_at: new Date().toISOString(),
      expires_at: null,
    };
    state.tokens.push(made);
    return { ...made, token: `km_t_${crypto.randomUUID().replaceAll('-', '')}` };
  },
  'DELETE /tokens/:id': ({ params, user }) => {
    state.tokens = state.tokens.filter((t) => t.id !== Number(params.id));
    change(user.username, 'access', 'token_deleted', params.id);
  },
  'GET /join-tokens': () => list(state.joinTokens),
  'POST /join-tokens': ({ body, user }) => {
    const id = change(user.username, 'access', 'join_token_issued', body.role);
    const expires_at = new Date(Date.now() + (body.ttl_minutes ?? 60) * 60_000).toISOString();
    state.joinTokens.push({
      id,
      role: body.role,
      created_by: user.username,
      created_at: new Date().toISOString(),
      expires_at,
      used_by: null,
    });
    return { id, token: `km_j_${crypto.randomUUID().replaceAll('-', '')}`, expires_at };
  },
  'DELETE /join-tokens/:id': ({ params, user }) => {
    state.joinTokens = state.joinTokens.filter((t) => t.id !== Number(params.id));
    change(user.username, 'access', 'join_token_deleted', params.id);
  },
};

/** Signing in: three wrong passwords lock, so that the page can be seen. */
export function signIn({ username, password }) {
  const user = state.users.find((u) => u.username === username);
  const failures = state.failures.get(username) ?? 0;
  if (failures >= 3) no(403, 'LOCKED', `${username} is locked for 15 minutes after repeated failures.`);
  if (user?.status !== 'active' || state.passwords.get(username) !== password) {
    state.failures.set(username, failures + 1);
    no(401, 'WRONG_CREDENTIALS', 'User name or password is wrong.');
  }
  state.failures.delete(username);
  const token = `km_s_${crypto.randomUUID()}`;
  state.sessions.set(token, username);
  return {
    token,
    expires_at: new Date(Date.now() + 4.32e7).toISOString(),
    user: { username, role: user.role, privileges: PRIVILEGES[user.role] },
  };
}
