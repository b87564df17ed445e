// Join tokens: each lets one further Manager or witness into the group, once, within its time.
import { Button, Group, Modal, NativeSelect, NumberInput, Stack, Table, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useNow } from '../../live/clock';
import { useCluster, useWhyNot } from '../../live/session';
import type { IssuedJoinToken, JoinRole, JoinToken } from '../../live/types';
import { Icon } from '../../shell/icons';
import { nameOf } from '../../shell/notices';
import { Age, Empty, GuardedButton, Pill, ProblemAlert, Rows } from '../../shell/parts';
import { joinCommand } from './joinCommand';
import { deleteJoinToken, issueJoinToken, useAccessChange, useJoinTokens } from './queries';
import { Secret } from './Secret';

const TTL_DEFAULT_MINUTES = 60;

function IssueForm({ onClose }: { onClose: () => void }) {
  const [role, setRole] = useState<JoinRole>('manager');
  const [minutes, setMinutes] = useState<number | string>(TTL_DEFAULT_MINUTES);
  const [issued, setIssued] = useState<IssuedJoinToken>();
  const issuing = useAccessChange(issueJoinToken, setIssued);
  if (issued)
    return (
      <Secret
        label="Run this on the new host, with its configuration file, before the token expires."
        value={joinCommand(issued.token, role)}
        onClose={onClose}
      />
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typeof minutes === 'number') issuing.mutate({ role, ttl_minutes: minutes });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {issuing.isError && <ProblemAlert error={issuing.error} title="Not made" />}
        <NativeSelect
          label="What joins"
          description="A witness votes and keeps the log, but never becomes Active and shows no dashboard."
          data-autofocus
          data={['manager', 'witness']}
          value={role}
          onChange={({ currentTarget }) => setRole(currentTarget.value as JoinRole)}
        />
        <NumberInput
          label="Valid for minutes"
          min={1}
          max={10_080}
          allowDecimal={false}
          required
          value={minutes}
          onChange={setMinutes}
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

function Status({ token }: { token: JoinToken }) {
  const now = useNow();
  const cluster = useCluster().data;
  if (token.used_by != null)
    return (
      <Pill tone="ok" icon="check">
        Used by {(cluster && nameOf(cluster, token.used_by)) ?? token.used_by}
      </Pill>
    );
  if (Date.parse(token.expires_at) <= now) return <Pill tone="idle">Expired</Pill>;
  return <Pill tone="info">Waiting</Pill>;
}

function TokenTable({ tokens, whyNot }: { tokens: JoinToken[]; whyNot: string | undefined }) {
  const deleting = useAccessChange(deleteJoinToken);
  return (
    <div className="table-wrap">
      {deleting.isError && <ProblemAlert error={deleting.error} title="Not deleted" />}
      <Table aria-label="Join tokens" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {['Id', 'For', 'Status', 'Made by', 'Made', 'Expires', 'Actions'].map((column) => (
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
                {token.id}
              </Table.Th>
              <Table.Td>{token.role}</Table.Td>
              <Table.Td>
                <Status token={token} />
              </Table.Td>
              <Table.Td>{token.created_by}</Table.Td>
              <Table.Td>
                <Age at={token.created_at} />
              </Table.Td>
              <Table.Td>
                <Age at={token.expires_at} />
              </Table.Td>
              <Table.Td w={90}>
                <GuardedButton
                  whyNot={whyNot}
                  variant="default"
                  size="compact-xs"
                  aria-label={`Delete join token ${token.id}`}
                  loading={deleting.isPending && deleting.variables === token.id}
                  onClick={() => deleting.mutate(token.id)}
                >
                  Delete
                </GuardedButton>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function JoinTokens() {
  const tokens = useJoinTokens();
  const whyNot = useWhyNot('managers.membership');
  const [issuing, setIssuing] = useState(false);
  return (
    <section className="panel" aria-labelledby="join-tokens">
      <div className="panel-head">
        <Title order={2} id="join-tokens" style={{ flex: 1 }}>
          Join tokens
        </Title>
        <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => setIssuing(true)}>
          Make join token
        </GuardedButton>
      </div>
      {tokens.isPending && <Rows count={2} />}
      {tokens.isError && !tokens.data && <ProblemAlert error={tokens.error} />}
      {tokens.data?.length === 0 && (
        <Empty title="No join tokens">
          Make one to bring a further Kyvos Manager or a witness into the group.
        </Empty>
      )}
      {tokens.data && tokens.data.length > 0 && <TokenTable tokens={tokens.data} whyNot={whyNot} />}
      <Modal
        opened={issuing}
        onClose={() => setIssuing(false)}
        title="Make a join token"
        closeOnClickOutside={false}
      >
        <IssueForm onClose={() => setIssuing(false)} />
      </Modal>
    </section>
  );
}
