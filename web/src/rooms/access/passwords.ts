// What the dashboard asks of a new password before the server judges it. Pure.
const PASSWORD_MIN = 8;

export function passwordProblem(password: string): string | undefined {
  return [...password].length < PASSWORD_MIN ? `At least ${PASSWORD_MIN} characters.` : undefined;
}

export function repeatProblem(password: string, repeated: string): string | undefined {
  return password === repeated ? undefined : 'The two differ.';
}
