// What went wrong with a call, in the words of the server (problem+json) or, when no server answered, in ours.
import type { Problem } from './types';

/** A call that was refused, failed, or got no answer. `status` 0 means that nobody answered. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;

  constructor(problem: Pick<Problem, 'status' | 'code' | 'detail'> & Partial<Problem>) {
    super(problem.detail || problem.title || problem.code);
    this.name = 'ProblemError';
    this.status = problem.status;
    this.code = problem.code;
    this.hint = problem.hint ?? undefined;
    this.requestId = problem.request_id ?? undefined;
  }
}

export const noAnswer = () =>
  new ProblemError({
    status: 0,
    code: 'NO_ANSWER',
    title: 'No answer',
    detail: 'This Manager did not answer.',
    hint: 'The dashboard tries the other Managers by itself.',
  });

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'status' in body;
}

/** The problem in an answer's body. An answer of something else on the way (a proxy) gets its status as the code. */
export function problemOf(body: unknown, response: Response): ProblemError {
  if (isProblem(body)) return new ProblemError(body);
  return new ProblemError({
    status: response.status,
    code: `HTTP_${response.status}`,
    detail: `The server answered ${response.status} ${response.statusText}`.trim(),
  });
}

export function asProblem(error: unknown): ProblemError {
  return error instanceof ProblemError ? error : noAnswer();
}

export const hasCode = (error: unknown, code: string) => error instanceof ProblemError && error.code === code;
