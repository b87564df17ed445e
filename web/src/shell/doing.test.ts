import { describe, expect, it } from 'vitest';
import { doingOf } from './doing';

const read = (search: string) => doingOf(new URLSearchParams(search));

describe('what the address asks to be done', () => {
  it('is nothing on an ordinary page', () => {
    expect(read('search=ENABLE_KM_HA&manager=3')).toBeUndefined();
  });

  it('is a dialog and what it is about', () => {
    expect(read('do=add&role=witness')).toEqual({ do: 'add', role: 'witness' });
    expect(read('do=move&manager=3&host=km5')).toEqual({ do: 'move', manager: 3, host: 'km5' });
    expect(read('do=why&service=bi_server.km4')).toEqual({ do: 'why', service: 'bi_server.km4' });
  });

  it('takes only a number for a Manager', () => {
    for (const bad of ['manager=x', 'manager=-1', 'manager=1.5', 'manager='])
      expect(read(`do=move&${bad}`)?.manager).toBeUndefined();
  });
});
