// Kyvos Manager Settings > Kyvos Manager Properties: search, edit, validate, save, conflict, history, revert.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, openBrowser, scene, unique, until, visit } from './harness.mjs';

const PATH = '/settings/properties';
const table = (page) => page.getByRole('table', { name: 'Kyvos Manager Properties' });
const rowOf = (page, key) => page.locator(`tr[data-property="${key}"]`);
const conflictOf = (page, key) => page.locator(`tr[data-conflict="${key}"]`).getByRole('alert');
const save = (page) => page.getByRole('button', { name: 'Save', exact: true });

/** A custom property of this test alone, gone afterwards. */
async function withProperty(value, play) {
  const { active, passives } = await everyoneUp();
  const api = await apiOf(active);
  const name = unique('e2e');
  await api.put(`/properties/custom/${name}`, { value }, { 'If-Match': '"0"' });
  try {
    await play({ active, passives, api, name, key: `custom/${name}` });
  } finally {
    await api.delete(`/properties/custom/${name}`).catch(() => undefined);
    await api.dispose();
  }
}

/** Runs in the page: its stream lives, but tells it neither of changes nor that it was opened. */
function deafToChanges() {
  const listen = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, ...rest) {
    if (name !== 'change') listen.call(this, name, ...rest);
  };
  Object.defineProperty(EventSource.prototype, 'onopen', { set() {} });
}

// rows 22, 23; section 5.6
scene('the page is found by its names, and typing ENABLE_KM_HA leaves one row', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active);
  await page.getByRole('navigation').getByText('Kyvos Manager Settings').waitFor();
  await page.getByRole('link', { name: 'Kyvos Manager Properties' }).click();
  await page.getByRole('heading', { name: 'Kyvos Manager Properties', level: 1 }).waitFor();
  await table(page).waitFor();
  assert.deepEqual(await table(page).locator('thead th').allTextContents(), [
    'Property',
    'Value',
    'Default',
    'Description',
    'Scope',
    'Restart required',
    'Modified',
    'Actions',
  ]);
  const search = page.getByLabel('Search properties');
  await search.pressSequentially('ENABLE_KM_HA');
  assert.equal(await search.inputValue(), 'ENABLE_KM_HA');
  const rows = table(page).locator('tbody tr');
  await until('one row is left', async () => (await rows.count()) === 1);
  await rowOf(page, 'kyvos-manager/ENABLE_KM_HA').waitFor();
});

scene(
  'a value is edited in place, saved with a reason, and seen live in a browser on another Manager',
  {},
  async ({ page }) => {
    await withProperty('hello', async ({ active, passives, name, key }) => {
      const other = await openBrowser();
      await visit(other.page, passives[0], `${PATH}?file=custom&search=${name}`);
      await rowOf(other.page, key).waitFor();
      await visit(page, active, `${PATH}?file=custom&search=${name}`);
      await page.getByLabel(`Value of ${name}`).fill('good morning');
      await page.getByText('1 unsaved change').waitFor();
      await page.getByLabel('Reason for the change').fill('politeness');
      await save(page).click();
      await page.getByText('1 change saved.').waitFor();
      await rowOf(page, key).getByText('politeness').waitFor();
      const seen = other.page.getByLabel(`Value of ${name}`);
      await other.page.waitForFunction(
        (label) => document.querySelector(`[aria-label="${label}"]`)?.value === 'good morning',
        `Value of ${name}`,
      );
      assert.equal(await seen.inputValue(), 'good morning');
      await other.context.close();
    });
  },
);

// row 24
scene('a value that does not fit is refused while typing and cannot be saved', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, `${PATH}?search=RAFT_HEARTBEAT_MS`);
  await page.getByLabel('Value of RAFT_HEARTBEAT_MS').fill('soon');
  await page.getByText(/^A whole number from/).waitFor();
  assert.equal(await save(page).getAttribute('aria-disabled'), 'true');
  await page.getByRole('button', { name: 'Revert', exact: true }).click();
  assert.notEqual(await page.getByLabel('Value of RAFT_HEARTBEAT_MS').inputValue(), 'soon');
  assert.equal(await page.getByText(/unsaved change/).count(), 0);
});

scene(
  'typing goes on undisturbed when the value gets long and when somebody else saves the same property',
  {},
  async ({ page }) => {
    await withProperty('short', async ({ active, api, name, key }) => {
      await visit(page, active, `${PATH}?file=custom&search=${name}`);
      const field = page.getByLabel(`Value of ${name}`);
      await field.click();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('a'.repeat(70));
      await api.put(`/properties/${key}`, { value: 'theirs' });
      await conflictOf(page, key).waitFor();
      await page.keyboard.type('b');
      assert.equal(await field.inputValue(), `${'a'.repeat(70)}b`);
    });
  },
);

scene('two operators changing one value see who was first and decide', {}, async ({ page }) => {
  await withProperty('first', async ({ active, api, name, key }) => {
    await visit(page, active, `${PATH}?file=custom&search=${name}`);
    await page.getByLabel(`Value of ${name}`).fill('mine');
    await api.put(`/properties/${key}`, { value: 'theirs' });
    const conflict = conflictOf(page, key);
    await conflict.getByText(/^Changed by .+ at index \d+$/).waitFor();
    assert.match(await conflict.textContent(), /first.*theirs.*mine/);
    assert.equal(await save(page).getAttribute('aria-disabled'), 'true');
    await conflict.getByRole('button', { name: 'Keep mine' }).click();
    await save(page).click();
    await page.getByText('1 change saved.').waitFor();
    assert.equal((await api.get(`/properties/${key}`)).value, 'mine');
  });
});

scene(
  'a change the page had not heard of yet is refused by the server and shown as the same conflict',
  {},
  async ({ page }) => {
    await withProperty('first', async ({ active, api, name, key }) => {
      await page.addInitScript(deafToChanges);
      await visit(page, active, `${PATH}?file=custom&search=${name}`);
      await page.getByLabel(`Value of ${name}`).fill('mine');
      await api.put(`/properties/${key}`, { value: 'theirs' });
      await save(page).click();
      await conflictOf(page, key)
        .getByText(/^Changed by .+ at index \d+$/)
        .waitFor();
      await conflictOf(page, key).getByRole('button', { name: 'Take theirs' }).click();
      assert.equal(await page.getByLabel(`Value of ${name}`).inputValue(), 'theirs');
    });
  },
);

scene('the history tells every value and brings one back', {}, async ({ page }) => {
  await withProperty('one', async ({ active, api, name, key }) => {
    const first = (await api.get(`/properties/${key}`)).revision;
    await api.put(`/properties/${key}`, { value: 'two', reason: 'a second thought' });
    await visit(page, active, `${PATH}?file=custom&search=${name}`);
    await page.getByRole('button', { name: `Actions for ${name}` }).click();
    await page.getByRole('menuitem', { name: 'History' }).click();
    const drawer = page.getByRole('dialog', { name: /^History of/ });
    await drawer.getByText('a second thought').waitFor();
    const before = drawer.locator(`[data-revision="${first}"]`);
    await before.getByRole('button', { name: 'Revert to this' }).click();
    await before.getByRole('button', { name: 'Revert', exact: true }).click();
    await drawer.getByText('reverted').first().waitFor();
    assert.equal((await api.get(`/properties/${key}`)).value, 'one');
  });
});

scene('a custom name is added and deleted', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const name = unique('added');
  await visit(page, active, `${PATH}?file=custom`);
  await page.getByRole('button', { name: 'Add property' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a custom property' });
  await dialog.getByLabel('Name').fill('not a name');
  await dialog.getByText(/^Letters, digits/).waitFor();
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Value').fill('42');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await rowOf(page, `custom/${name}`).waitFor();
  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page
    .getByRole('dialog', { name: 'Delete a custom property' })
    .getByRole('button', { name: 'Delete' })
    .click();
  await rowOf(page, `custom/${name}`).waitFor({ state: 'detached' });
});

scene('the i next to Revert tells the last change and leads to Operations', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, PATH);
  await page.getByRole('button', { name: 'Last operation of this page' }).click();
  await page.getByRole('link', { name: 'View Details' }).click();
  await page.waitForURL(/\/operations/);
});

scene('leaving with unsaved changes asks first', {}, async ({ page }) => {
  await withProperty('here', async ({ active, name }) => {
    await visit(page, active, `${PATH}?file=custom&search=${name}`);
    await page.getByLabel(`Value of ${name}`).fill('gone?');
    await page.getByRole('link', { name: 'Dashboard' }).click();
    await page
      .getByRole('dialog', { name: 'Leave without saving?' })
      .getByRole('button', { name: 'Stay' })
      .click();
    assert.equal(await page.getByLabel(`Value of ${name}`).inputValue(), 'gone?');
    await page.getByRole('link', { name: 'Dashboard' }).click();
    await page.getByRole('button', { name: 'Leave', exact: true }).click();
    await page.getByRole('heading', { name: 'Dashboard', level: 1 }).waitFor();
  });
});
