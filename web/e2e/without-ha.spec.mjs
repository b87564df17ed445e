// ENABLE_KM_HA is no: nothing on screen tells where Kyvos Manager instances run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before } from 'node:test';
import { apiOf, demo, scene, signIn, until, visit } from './harness.mjs';

const dir = mkdtempSync(join(tmpdir(), 'km-without-ha-'));
let alone;

/** The binary that runs the demo we were given runs this one, too. */
const binary = () => process.env.KM_BIN ?? readlinkSync(`/proc/${demo().managers[0].pid}/exe`);

before(async () => {
  if (basename(binary()).startsWith('node')) return;
  alone = spawn(binary(), ['demo', '--dir', dir, '--managers', '1', '--ha', 'no', '--base-port', '0'], {
    stdio: 'ignore',
  });
  await until(
    'a demo without HA runs',
    async () => {
      if (!existsSync(join(dir, 'cluster.json'))) return false;
      const single = demo(dir);
      const api = await apiOf(single.managers[0], single).catch(() => undefined);
      await api?.dispose();
      return api !== undefined;
    },
    60_000,
  );
});
after(async () => {
  if (alone) {
    const ended = new Promise((done) => alone.once('exit', done));
    alone.kill('SIGINT');
    await ended;
  }
  rmSync(dir, { recursive: true, force: true });
});

// rows 26, 69: absent from the DOM, not hidden
scene(
  'the section is not in the page at all, neither on the Dashboard nor on the mapping tab',
  { anonymous: true },
  async ({ page, t }) => {
    if (!alone) return t.skip('the demo given is not run by km, so there is no binary to start another with');
    const { managers, admin } = demo(dir);
    await visit(page, managers[0], '/login');
    await signIn(page, admin);
    for (const [link, title] of [
      ['Dashboard', 'Dashboard'],
      ['Nodes and Services', 'Nodes and Services'],
    ]) {
      await page.getByRole('link', { name: link, exact: true }).click();
      await page.getByRole('heading', { name: title, level: 1 }).waitFor();
      await page
        .getByText(title === 'Dashboard' ? 'Cluster state' : 'No node mapping to show')
        .first()
        .waitFor();
      assert.doesNotMatch(await page.content(), /Kyvos Manager Nodes/);
      assert.equal(await page.locator('[data-section=km-nodes], [data-manager]').count(), 0);
    }
  },
);
