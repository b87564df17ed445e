// API tokens: for scripts and other programs, with a role of their own.
import { NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { ApiToken, IssuedApiToken, Role } from '../../live/types';
import { ConfirmDialog } from '../../shell/dialogs';
import { DataTable, RowName } from '../../shell/listing';
import { Age, GuardedButton } from '../../shell/parts';
import { deleteApiToken, issueApiToken, ROLES, useAccessChange, useApiTokens } from './queries';
import { Secret } from './Secret';
import { IssueForm, TokenPanel } from './TokenPanel';

const COLUMNS = ['Name', 'Role', 'Made by', 'Made', 'Expires', 'Actions'];

function ApiTokenForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('auditor');
  const [days, setDays] = useState<number | string>('');
  const [issued, setIssued] = useState<IssuedApiToken>();
  const issuing = useAccessChange(issueApiToken, setIssued);
  if (issued) return <Secret label={`The token ${issued.name}.`} value={issued.token} onClose={onClose} />;
  const issue = () =>
    issuing.mutate({ name, role, ...(typeof days === 'number' ? { expires_in_days: days } : {}) });
  return (
    <IssueForm issuing={issuing} onIssue={issue} onClose={onClose}>
      <TextInput
        label="Name"
        description="What it is for."
        required
        data-autofocus
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        data={ROLES}
        value={role}
        onChange={({ currentTarget }) => setRole(currentTarget.value as Role)}
      />
      <NumberInput
        label="Expires in days"
        description="Empty: it does not expire."
        min={1}
        max={3650}
        allowDecimal={false}
        value={days}
        onChange={setDays}
      />
    </IssueForm>
  );
}

interface RowProps {
  token: ApiToken;
  whyNot: string | undefined;
  onDelete: () => void;
}

function Row({ token, whyNot, onDelete }: RowProps) {
  return (
    <tr>
      <RowName>{token.name}</RowName>
      <td>{token.role}</td>
      <td>{token.created_by}</td>
      <td>
        <Age at={token.created_at} />
      </td>
      <td>{token.expires_at ? <Age at={token.expires_at} /> : 'never'}</td>
      <td style={{ width: 90 }}>
        <GuardedButton
          whyNot={whyNot}
          variant="default"
          size="compact-xs"
          aria-label={`Delete token ${token.name}`}
          onClick={onDelete}
        >
          Delete
        </GuardedButton>
      </td>
    </tr>
  );
}

function TokenTable({ tokens, whyNot }: { tokens: ApiToken[]; whyNot: string | undefined }) {
  const [doomed, setDoomed] = useState<ApiToken>();
  const deleting = useAccessChange(
    ({ id }: ApiToken) => deleteApiToken(id),
    () => setDoomed(undefined),
  );
  return (
    <>
      <DataTable label="API tokens" columns={COLUMNS}>
        {tokens.map((token) => (
          <Row key={token.id} token={token} whyNot={whyNot} onDelete={() => setDoomed(token)} />
        ))}
      </DataTable>
      <ConfirmDialog
        of={doomed}
        change={deleting}
        title="Delete an API token"
        onClose={() => setDoomed(undefined)}
      >
        Whatever uses <strong>{doomed?.name}</strong> is refused from then on.
      </ConfirmDialog>
    </>
  );
}

export function ApiTokens() {
  const tokens = useApiTokens();
  const whyNot = useWhyNot('tokens.manage');
  return (
    <TokenPanel
      title="API tokens"
      noun="API token"
      hint="Make one for each program that calls the API, with the smallest role that will do."
      query={tokens}
      whyNot={whyNot}
      table={(items) => <TokenTable tokens={items} whyNot={whyNot} />}
      form={(onClose) => <ApiTokenForm onClose={onClose} />}
    />
  );
}
