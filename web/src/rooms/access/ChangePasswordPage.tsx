// User Profile > Change Password.
import { PasswordInput, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { sayAtLogin } from '../../live/farewell';
import { keys } from '../../live/queries';
import { useMe, useWhyNot } from '../../live/session';
import { GuardedButton, Page, ProblemAlert } from '../../shell/parts';
import { passwordProblem, repeatProblem } from './passwords';
import { changePassword, useAccessChange } from './queries';

export function ChangePasswordPage() {
  const me = useMe().data;
  const whyNot = useWhyNot('view');
  const [existing, setExisting] = useState('');
  const [wanted, setWanted] = useState('');
  const [repeated, setRepeated] = useState('');
  const queries = useQueryClient();
  // Every session of the user ends with it, this one too: the word of success is said where the page leads to.
  const changing = useAccessChange(changePassword, () => {
    sayAtLogin('Password changed. Sign in with the new one.');
    return queries.invalidateQueries({ queryKey: keys.me });
  });
  const weak = passwordProblem(wanted);
  const differs = repeatProblem(wanted, repeated);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (existing && !weak && !differs && !whyNot) changing.mutate({ existing, new: wanted });
  };
  return (
    <Page title="Change Password" above="User Profile">
      <form onSubmit={submit} className="panel" style={{ padding: 20, maxWidth: 440 }}>
        <Stack gap="sm">
          <div aria-live="polite">
            {changing.isError && <ProblemAlert error={changing.error} title="Not changed" />}
          </div>
          <input
            type="text"
            name="username"
            autoComplete="username"
            value={me?.username ?? ''}
            readOnly
            hidden
          />
          <PasswordInput
            label="Existing password"
            required
            autoComplete="current-password"
            value={existing}
            onChange={({ currentTarget }) => setExisting(currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            required
            autoComplete="new-password"
            value={wanted}
            error={wanted && weak}
            onChange={({ currentTarget }) => setWanted(currentTarget.value)}
          />
          <PasswordInput
            label="New password again"
            required
            autoComplete="new-password"
            value={repeated}
            error={repeated && differs}
            onChange={({ currentTarget }) => setRepeated(currentTarget.value)}
          />
          <GuardedButton whyNot={whyNot} type="submit" loading={changing.isPending}>
            Save
          </GuardedButton>
        </Stack>
      </form>
    </Page>
  );
}
