// API tokens: for scripts and other programs, with a role of their own.
import {
  Button,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Stack,
  Table,
  TextInput,
  Title,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { ApiToken, IssuedApiToken, Role } from '../../live/types';
import { Icon } from '../../shell/icons';
import { Age, Empty, GuardedButton, ProblemAlert, Rows } from '../../shell/parts';
import { ConfirmDialog } from './ConfirmDialog';
import { deleteApiToken, issueApiToken, ROLES, useAccessChange, useApiTokens } from './queries';
import { Secret } from './Secret';

function IssueForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('auditor');
  const [days, setDays] = useState<number | string>('');
  const [issued, setIssued] = useState<IssuedApiToken>();
  const issuing = useAccessChange(issueApiToken, setIssued);
  if (issued) return <Secret label={`The token ${issued.name}.`} value={issued.token} onClose={onClose} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    issuing.mutate({ name, role, ...(typeof days === 'number' ? { expires_in_days: days } : {}) });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {issuing.isError && <ProblemAlert error={issuing.error} title="Not made" />}
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
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={issuing.isPending}>
            Make token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface TokenTableProps {
  tokens: ApiToken[];
  whyNot: string | undefined;
}

function TokenTable({ tokens, whyNot }: TokenTableProps) {
  const [doomed, setDoomed] = useState<ApiToken>();
  const deleting = useAccessChange(deleteApiToken, () => setDoomed(undefined));
  return (
    <div className="table-wrap">
      <Table aria-label="API tokens" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {['Name', 'Role', 'Made by', 'Made', 'Expires', 'Actions'].map((column) => (
              <Table.Th key={column} scope="col">
                {column}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tokens.map((token) => (
            <Table.Tr key={token.id}>
              <Table.Th scope="row" style={{ background: 'none', color: 'inherit' }}>
                {token.name}
              </Table.Th>
              <Table.Td>{token.role}</Table.Td>
              <Table.Td>{token.created_by}</Table.Td>
              <Table.Td>
                <Age at={token.created_at} />
              </Table.Td>
              <Table.Td>{token.expires_at ? <Age at={token.expires_at} /> : 'never'}</Table.Td>
              <Table.Td w={90}>
                <GuardedButton
                  whyNot={whyNot}
                  variant="default"
                  size="compact-xs"
                  aria-label={`Delete token ${token.name}`}
                  onClick={() => setDoomed(token)}
                >
                  Delete
                </GuardedButton>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <ConfirmDialog
        opened={doomed !== undefined}
        title="Delete an API token"
        verb="Delete"
        error={deleting.error}
        busy={deleting.isPending}
        onConfirm={() => doomed && deleting.mutate(doomed.id)}
        onClose={() => {
          deleting.reset();
          setDoomed(undefined);
        }}
      >
        Whatever uses <strong>{doomed?.name}</strong> is refused from then on.
      </ConfirmDialog>
    </div>
  );
}

export function ApiTokens() {
  const tokens = useApiTokens();
  const whyNot = useWhyNot('tokens.manage');
  const [issuing, setIssuing] = useState(false);
  return (
    <section className="panel" aria-labelledby="api-tokens">
      <div className="panel-head">
        <Title order={2} id="api-tokens" style={{ flex: 1 }}>
          API tokens
        </Title>
        <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => setIssuing(true)}>
          Make API token
        </GuardedButton>
      </div>
      {tokens.isPending && <Rows count={2} />}
      {tokens.isError && !tokens.data && <ProblemAlert error={tokens.error} />}
      {tokens.data?.length === 0 && (
        <Empty title="No API tokens">
          Make one for each program that calls the API, with the smallest role that will do.
        </Empty>
      )}
      {tokens.data && tokens.data.length > 0 && <TokenTable tokens={tokens.data} whyNot={whyNot} />}
      <Modal
        opened={issuing}
        onClose={() => setIssuing(false)}
        title="Make an API token"
        closeOnClickOutside={false}
      >
        <IssueForm onClose={() => setIssuing(false)} />
      </Modal>
    </section>
  );
}
