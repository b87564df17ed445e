import { QueryObserver } from '@tanstack/react-query';
import { describe, expect, it, vi } from 'vitest';
import { ProblemError } from './problem';
import { keys, makeOld, mayReadAgain, newQueryClient, queriesMadeOldBy } from './queries';

describe('a live event makes old', () => {
  it.each([
    ['properties', 'custom/greeting', [keys.properties, keys.services, keys.audit]],
    ['properties', 'kyvos-manager/ENABLE_KM_HA', [keys.properties, keys.services, keys.cluster, keys.audit]],
    [
      'managers',
      'km1.example',
      [keys.managers, keys.cluster, keys.joinTokens, keys.hosts, keys.services, keys.audit],
    ],
    ['hosts', '12', [keys.hosts, keys.managers, keys.services, keys.audit]],
    ['services', 'zookeeper', [keys.services, keys.audit]],
    ['alerts', '4711', [keys.alerts, keys.audit]],
    ['prechecks', 'group', [keys.prechecks, keys.explanations, keys.audit]],
    ['operations', '88', [keys.operations, keys.managers, keys.services, keys.audit]],
    ['access', 'mira', [['access'], keys.me, keys.audit]],
    ['audit', '', [keys.audit]],
  ])('of %s about %s what it is about', (room, subject, old) => {
    expect(queriesMadeOldBy({ room, subject })).toEqual(old);
  });

  it('of services the rows of those alone that it names, and whatever counts them', () => {
    const event = { room: 'services', subject: 'services' };
    const id = 'bi_server.km4';
    expect(queriesMadeOldBy({ ...event, data: { only: [id] } })).toEqual([
      keys.serviceWatch,
      keys.serviceCounts,
      keys.serviceStandings,
      keys.service(id),
      keys.serviceRow(id),
      keys.audit,
    ]);
    expect(queriesMadeOldBy({ ...event, data: {} })).toEqual([keys.services, keys.audit]);
    // What another room means by that is not known.
    expect(queriesMadeOldBy({ ...event, room: 'properties', data: { only: [id] } })).toContain(keys.services);
  });

  it('everything, when it comes from a room this page does not know', () => {
    expect(queriesMadeOldBy({ room: 'snapshots', subject: 'x' })).toEqual([[]]);
  });
});

describe('a failed read', () => {
  const problem = (status: number) => new ProblemError({ status, code: 'X', detail: '' });

  it.each([0, 502, 503, 504])('is tried again after %d', (status) => {
    expect(mayReadAgain(0, problem(status))).toBe(true);
    expect(mayReadAgain(3, problem(status))).toBe(false);
  });

  it.each([401, 403, 404, 422])('is not tried again after %d', (status) => {
    expect(mayReadAgain(0, problem(status))).toBe(false);
  });
});

describe('what is read while it changes', () => {
  /** A query under somebody's eyes, whose answers are given by hand. */
  function watched() {
    const answers: ((text: string) => void)[] = [];
    const queryFn = vi.fn(() => new Promise<string>((answer) => answers.push(answer)));
    const queries = newQueryClient();
    const observer = new QueryObserver(queries, { queryKey: keys.operation(7), queryFn });
    const end = observer.subscribe(() => undefined);
    const shows = (text: string) => vi.waitFor(() => expect(observer.getCurrentResult().data).toBe(text));
    const asked = (times: number) => vi.waitFor(() => expect(queryFn).toHaveBeenCalledTimes(times));
    return { answers, asked, end, queries, shows };
  }

  it('is read once more, because the answer under way may be older than the change', async () => {
    const { answers, asked, end, queries, shows } = watched();
    // Three changes while the first answer is on its way: it was given before them.
    for (let n = 0; n < 3; n++) void makeOld(queries, keys.operations);
    await asked(1);
    answers[0]?.('step 2 runs');
    await asked(2);
    answers[1]?.('all is done');
    await shows('all is done');
    end();
  });

  it('is shown although it changes again each time before it has been read', async () => {
    const { answers, asked, end, queries, shows } = watched();
    answers[0]?.('step 1');
    await shows('step 1');
    void makeOld(queries, keys.operations);
    await asked(2);
    for (let step = 2; step < 5; step++) {
      void makeOld(queries, keys.operations);
      answers[step - 1]?.(`step ${step}`);
      await shows(`step ${step}`);
      await asked(step + 1);
    }
    end();
  });
});
