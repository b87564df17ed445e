// Join tokens: each lets one further Manager or witness into the group, once, within its time.
import { NativeSelect, NumberInput } from '@mantine/core';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { useNow } from '../../live/clock';
import { useCluster, useWhyNot } from '../../live/session';
import type { IssuedJoinToken, JoinRole, JoinToken } from '../../live/types';
import { DataTable, RowName } from '../../shell/listing';
import { nameOf } from '../../shell/notices';
import { Age, GuardedButton, Pill, ProblemAlert } from '../../shell/parts';
import { joinCommand } from './joinCommand';
import { deleteJoinToken, issueJoinToken, useAccessChange, useJoinTokens } from './queries';
import { Secret } from './Secret';
import { IssueForm, TokenPanel } from './TokenPanel';

const COLUMNS = ['Id', 'For', 'Status', 'Made by', 'Made', 'Expires', 'Actions'];
const TTL_DEFAULT_MINUTES = 60;

const ROLES: JoinRole[] = ['manager', 'witness'];

/** What a link here asked to make a token for. */
function useAskedRole(): JoinRole | undefined {
  const [params] = useSearchParams();
  return ROLES.find((role) => role === params.get('make'));
}

interface JoinTokenFormProps {
  asked: JoinRole | undefined;
  onClose: () => void;
}

function JoinTokenForm({ asked, onClose }: JoinTokenFormProps) {
  const [role, setRole] = useState<JoinRole>(asked ?? 'manager');
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
  const issue = () => typeof minutes === 'number' && issuing.mutate({ role, ttl_minutes: minutes });
  return (
    <IssueForm issuing={issuing} onIssue={issue} onClose={onClose}>
      <NativeSelect
        label="What joins"
        description="A witness votes and keeps the log, but never becomes Active and shows no dashboard."
        data-autofocus
        data={ROLES}
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
    </IssueForm>
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
    <>
      {deleting.isError && <ProblemAlert error={deleting.error} title="Not deleted" />}
      <DataTable label="Join tokens" columns={COLUMNS}>
        {tokens.map((token) => (
          <tr key={token.id}>
            <RowName>{token.id}</RowName>
            <td>{token.role}</td>
            <td>
              <Status token={token} />
            </td>
            <td>{token.created_by}</td>
            <td>
              <Age at={token.created_at} />
            </td>
            <td>
              <Age at={token.expires_at} />
            </td>
            <td style={{ width: 90 }}>
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
            </td>
          </tr>
        ))}
      </DataTable>
    </>
  );
}

export function JoinTokens() {
  const tokens = useJoinTokens();
  const whyNot = useWhyNot('managers.membership');
  const asked = useAskedRole();
  return (
    <TokenPanel
      title="Join tokens"
      noun="join token"
      hint="Make one to bring a further Kyvos Manager or a witness into the group."
      query={tokens}
      whyNot={whyNot}
      table={(items) => <TokenTable tokens={items} whyNot={whyNot} />}
      openAtOnce={asked !== undefined}
      form={(onClose) => <JoinTokenForm asked={asked} onClose={onClose} />}
    />
  );
}
