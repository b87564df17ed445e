import { describe, expect, it } from 'vitest';
import { noAnswer, ProblemError } from '../live/problem';
import { loginSentence, safeNext } from './Login';

describe('signing in', () => {
  const problem = (status: number, code: string, detail = '') => new ProblemError({ status, code, detail });

  it('has a sentence for every way to fail', () => {
    expect(loginSentence(problem(401, 'WRONG_CREDENTIALS'))).toBe('User name or password is wrong.');
    expect(loginSentence(problem(403, 'LOCKED', 'admin is locked until 21:15.'))).toBe(
      'admin is locked until 21:15.',
    );
    expect(loginSentence(problem(429, 'TOO_MANY_LOGINS'))).toMatch(/^Too many attempts/);
    expect(loginSentence(problem(503, 'NO_ACTIVE'))).toMatch(/^No active Kyvos Manager/);
    expect(loginSentence(noAnswer())).toMatch(/does not answer/);
  });

  it('goes back to a page of its own, never to another site', () => {
    expect(safeNext('/audit?room=access')).toBe('/audit?room=access');
    for (const next of [
      null,
      '',
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      'javascript:x',
    ])
      expect(safeNext(next)).toBe('/');
  });
});
