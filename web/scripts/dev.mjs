// `npm run dev`: the dashboard with hot reload. Against the mock, or against a real Manager: KM_API=https://… npm run dev
import { spawn } from 'node:child_process';

const run = (...args) => spawn(process.execPath, args, { stdio: 'inherit' });
const children = [run('node_modules/vite/bin/vite.js')];
if (!process.env.KM_API) children.push(run('dev/mock.mjs'));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}
