// A Kyvos service for the tests: a real process that answers at a port, as the unit of a real agent of a host of its own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiOf, binary, until } from '../harness.mjs';

/** The one name that resolves everywhere; no host of a demo is called so. */
const HOST = 'localhost';
export const SERVICE = `bi_server.${HOST}`;
const UNIT = 'kyvos-bi-server';

/** A port that nobody listens at. */
const freePort = () =>
  new Promise((free) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => free(port));
    });
  });

const quoted = (words) => `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;

function agentText(address, port) {
  const serve = `require('node:net').createServer((c) => c.end()).listen(${port}, '127.0.0.1')`;
  return `[agent]
data_dir = "data"
listen = "${address}"
advertise = "${address}"

[unit.${UNIT}]
run = ${quoted([process.execPath, '-e', serve])}
restart = "never"
`;
}

/** Registers the host, enrols and starts its agent, and says how BI Servers are asked whether they serve. */
export async function aService(cluster) {
  const api = await apiOf(cluster.active, cluster);
  const dir = mkdtempSync(join(tmpdir(), 'km-e2e-service-'));
  const [port, listen] = [await freePort(), await freePort()];
  const config = join(dir, 'agent.toml');
  writeFileSync(config, agentText(`127.0.0.1:${listen}`, port));
  const { id } = await api.post('/hosts', { name: HOST, roles: ['bi_server'], transport: { kind: 'agent' } });
  const { token } = await api.post(`/hosts/${id}/enrolment`, {});
  execFileSync(binary(), ['agent', 'enrol', '--config', config], {
    env: { ...process.env, KM_ENROL_TOKEN: token },
    stdio: 'ignore',
  });
  const agent = spawn(binary(), ['agent', '--config', config], { stdio: 'ignore' });
  await api.put('/services/types/bi_server', { unit: UNIT, probe: { kind: 'tcp', port } });
  await until('its agent answers', async () => (await api.get(`/hosts/${id}`)).state === 'answers');
  const show = () => api.get(`/services/${SERVICE}`);
  const unitOf = async () => (await show()).evidence.find(({ observer }) => observer === 'unit');
  return {
    api,
    show,
    /** Ends its process, as a crash would: whoever saw it run knows which it is. */
    kill: async () => {
      const seen = await until('its host to see it run', async () => {
        const unit = await unitOf();
        return unit?.says === 'there' ? unit : undefined;
      });
      process.kill(Number(/(\d+)\D*$/.exec(seen.because)[1]), 'SIGKILL');
    },
    end: async () => {
      const ended = new Promise((done) => agent.once('exit', done));
      agent.kill('SIGKILL');
      await ended;
      await api.dispose();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
