import { describe, expect, it } from 'vitest';
import { joinCommand } from './joinCommand';
import { passwordProblem, repeatProblem } from './passwords';

describe('a new password', () => {
  it('is measured in characters and typed twice', () => {
    expect(passwordProblem('short')).toBe('At least 8 characters.');
    expect(passwordProblem('long enough')).toBeUndefined();
    expect(repeatProblem('a', 'b')).toBe('The two differ.');
    expect(repeatProblem('a', 'a')).toBeUndefined();
  });
});

describe('the join command', () => {
  it('is ready to paste, and names the role only of a witness', () => {
    expect(joinCommand('s.a.km1:8443', 'manager')).toBe(
      'KM_JOIN_TOKEN=s.a.km1:8443 km join --config /etc/kyvos-manager/km.toml',
    );
    expect(joinCommand('s.a.km1:8443', 'witness')).toMatch(/ --role witness$/);
  });
});
