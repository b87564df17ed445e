// What the tests of acts on instances have in common: the rows, their menus, the dialogs.
import { apiOf, everyoneUp, until } from '../harness.mjs';

export const rowOf = (page, id) => page.locator(`tr[data-manager="${id}"]`);
export const modeOf = (page, id) => rowOf(page, id).locator('[data-column=mode]');
export const stateOf = (page, id) => rowOf(page, id).locator('[data-column=state]');

/** Opens the Action menu of an instance with the circle. */
export const openMenu = (page, id) =>
  rowOf(page, id)
    .getByRole('button', { name: /^Action menu of/ })
    .click();

export async function choose(page, id, item) {
  await openMenu(page, id);
  // "Start …" is a part of "Restart …".
  await page.getByRole('menuitem', { name: item, exact: true }).click();
  return page.getByRole('dialog');
}

/** Opens `Actions (…)` of the section and chooses. */
export async function chooseForAll(page, item) {
  await page.getByRole('button', { name: 'Actions of Kyvos Manager Nodes' }).click();
  await page.getByRole('menuitem', { name: item }).click();
  return page.getByRole('dialog');
}

/** The open menu: each item with the reason why not, or undefined when it can be chosen. */
export async function menuRead(page) {
  const items = await page.getByRole('menuitem').evaluateAll((all) =>
    all.map((item) => {
      const reason = item.querySelector('[data-reason]')?.textContent;
      return [item.textContent.replace(reason ?? '', ''), reason];
    }),
  );
  return Object.fromEntries(items);
}

/** The menu of an instance, read once it says what is expected of it; then closed again. */
export async function menuOf(page, id, isAsExpected = () => true) {
  await openMenu(page, id);
  await page.getByRole('menuitem', { name: 'Properties' }).waitFor();
  const menu = await until(`the menu of ${id} says it`, async () => {
    const read = await menuRead(page);
    return isAsExpected(read) ? read : undefined;
  });
  await page.keyboard.press('Escape');
  await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
  return menu;
}

/** Types the password, saves, and waits until the dialog has closed. */
export async function confirm(dialog, password, button = 'Save') {
  await dialog.getByRole('textbox', { name: 'Kyvos Manager password' }).fill(password);
  await dialog.getByRole('button', { name: button }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Waits until the newest operation of this kind has ended, and returns it. */
export async function ended(manager, kind, cluster) {
  const api = await apiOf(manager, cluster);
  try {
    return await until(
      `an operation ${kind} ends`,
      async () => {
        const { items } = await api.get('/operations').catch(() => ({ items: [] }));
        const newest = items.find((operation) => operation.kind === kind);
        return newest && !['queued', 'running'].includes(newest.status) ? newest : undefined;
      },
      60_000,
    );
  } finally {
    await api.dispose();
  }
}

/** Whatever happens, the page's list of Managers stays as it was first read. */
export async function freeze(page) {
  let first;
  await page.route('**/api/v1/managers?*', async (route) => {
    first ??= await (await route.fetch()).json();
    await route.fulfill({ json: first });
  });
}

/** Starts a stopped instance again, without the page, so that the next scene finds everybody there. */
export async function bringBack(manager, id, password) {
  const api = await apiOf(manager);
  await api.post(`/managers/${id}/start`, { password });
  await api.dispose();
  await everyoneUp();
}

/** Has the page see one instance otherwise than it is. */
export async function alter(page, id, change) {
  await page.route('**/api/v1/managers?*', async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    for (const manager of list.items) if (manager.id === id) Object.assign(manager, change(manager));
    await route.fulfill({ response, json: list });
  });
}

/** Why a button cannot be used, as it says itself; undefined when it can. */
export async function whyNotOf(button) {
  if ((await button.getAttribute('aria-disabled')) !== 'true') return undefined;
  return button.evaluate(
    (it) => document.getElementById(it.getAttribute('aria-describedby'))?.textContent ?? '',
  );
}
