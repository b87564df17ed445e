// Schedules: when services go to sleep and wake by themselves, as an operator sets them. That they do is a test of the Managers.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, openBrowser, scene, unique, until, visit } from './harness.mjs';

const HA = '/nodes-and-services/services-ha';

// row A22; issue 6, point 6
scene(
  'a schedule is added, edited, switched off and deleted, in every open browser',
  {},
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const api = await apiOf(active);
    const name = unique('night');
    const row = (on) => on.locator(`tr[data-schedule="${name}"]`);
    const now = async () => (await api.get('/services/schedules')).items.find((one) => one.name === name);
    const choose = async (item) => {
      await page.getByRole('button', { name: `Actions for schedule ${name}` }).click();
      await page.getByRole('menuitem', { name: item, exact: true }).click();
    };
    const other = await openBrowser();
    await visit(other.page, passives[0], HA);
    await visit(page, active, HA);
    await page.getByRole('button', { name: 'Add schedule' }).click();
    const adding = page.getByRole('dialog', { name: 'Add a schedule' });
    const save = adding.getByRole('button', { name: 'Save' });
    await adding.getByLabel('Name').fill(name);
    await adding.getByLabel('Which').selectOption('query_engine');
    await adding.getByLabel('At', { exact: true }).fill('25:00');
    assert.equal(await save.getAttribute('aria-disabled'), 'true', 'there is no such time');
    await adding.getByLabel('At', { exact: true }).fill('22:15');
    await adding.getByLabel('Distance from UTC').fill('+05:30');
    for (const day of ['Sat', 'Sun']) await adding.getByLabel(day, { exact: true }).uncheck();
    await save.click();
    await adding.waitFor({ state: 'detached' });
    for (const on of [page, other.page]) {
      await row(on).getByText('Sleep of all Query Engines').waitFor();
      await row(on).getByText('22:15 UTC+05:30').waitFor();
      await row(on).getByText('Mon to Fri').waitFor();
    }

    await choose('Edit');
    const editing = page.getByRole('dialog', { name: `Schedule ${name}` });
    await editing.getByLabel('What they do').selectOption('running');
    await editing.getByLabel('Sat', { exact: true }).check();
    await editing.getByRole('button', { name: 'Save' }).click();
    await editing.waitFor({ state: 'detached' });
    // What is done next is done to the schedule as this page has it.
    for (const on of [page, other.page]) {
      await row(on).getByText('Wake of all Query Engines').waitFor();
      await row(on).getByText('Mon to Sat').waitFor();
    }

    await choose('Switch off');
    const off = (on) => row(on).getByText('Switched off', { exact: true });
    for (const on of [page, other.page]) await off(on).waitFor();
    assert.equal((await now()).enabled, false);
    await choose('Switch on');
    await until('it is on', async () => (await now()).next !== null);
    await off(page).waitFor({ state: 'detached' });

    await choose('Delete');
    const deleting = page.getByRole('dialog', { name: `Delete schedule ${name}` });
    await deleting.getByRole('button', { name: 'Delete' }).click();
    await row(other.page).waitFor({ state: 'detached' });
    assert.equal(await now(), undefined);
    await other.context.close();
    await api.dispose();
  },
);
