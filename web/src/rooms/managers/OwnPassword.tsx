// The field for one's own password once more, and the refusals that are about it, said under it.
import { PasswordInput } from '@mantine/core';
import { hasCode } from '../../live/problem';

/** The sentence under the field, of refusals that are about the password. */
function refusalOf(error: unknown): string | undefined {
  if (hasCode(error, 'WRONG_PASSWORD')) return 'Wrong password';
  if (hasCode(error, 'LOCKED')) return 'Account locked';
  return undefined;
}

export const isAboutPassword = (error: unknown) => refusalOf(error) !== undefined;

interface OwnPasswordProps {
  value: string;
  error: unknown;
  /** It has the focus when the dialog opens. */
  first?: boolean;
  onChange: (value: string) => void;
}

export function OwnPassword({ value, error, first = false, onChange }: OwnPasswordProps) {
  return (
    <PasswordInput
      label="Kyvos Manager password"
      description="Your own, once more."
      autoComplete="current-password"
      value={value}
      error={refusalOf(error)}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
      {...(first ? { 'data-autofocus': true } : {})}
    />
  );
}
