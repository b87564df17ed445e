// One host on the tab Nodes: whether it answers, what it is for, the way to it, and what can be done about it.
import { memo } from 'react';
import type { Host } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { RowName } from '../../shell/listing';
import { Age, Pill } from '../../shell/parts';
import { RowDots } from '../../shell/RowButton';
import { HostActions, type HostActs } from './HostActions';
import { missingStep, roleLabel, stateReading, transportLabel } from './status';

export const COLUMNS = ['Status', 'Host', 'Alias', 'Roles', 'Transport', 'Version', 'Since', 'Actions'];

function State({ host }: { host: Host }) {
  const { word, tone, icon } = stateReading(host);
  const missing = missingStep(host);
  const because = missing ?? (host.state === 'silent' ? host.because : null);
  return (
    <>
      <Pill tone={missing ? 'warn' : tone} icon={missing ? 'warning' : icon}>
        {missing ? 'Not ready' : word}
      </Pill>
      {because && (
        <div className="quiet" data-because style={{ fontSize: '0.75rem', marginTop: 2 }}>
          {because}
        </div>
      )}
    </>
  );
}

function Roles({ host }: { host: Host }) {
  if (host.roles.length === 0) return <span className="quiet">none</span>;
  return (
    <span style={{ display: 'inline-flex', flexWrap: 'wrap', gap: 4 }}>
      {host.roles.map((role) => (
        <Pill key={role} tone="idle">
          {roleLabel(role)}
        </Pill>
      ))}
    </span>
  );
}

const addressOf = ({ transport }: Host) => transport.address || '–';

interface RowProps extends HostActs {
  host: Host;
  place: number;
}

/** Drawn anew only when this one changed, of a thousand that are read again together. */
export const HostRow = memo(function HostRow({ host, place, onOpen, onLook }: RowProps) {
  return (
    <tr data-host={host.name} aria-rowindex={place}>
      <td className="wraps" data-column="state" style={{ maxWidth: 260 }}>
        <State host={host} />
      </td>
      <RowName>
        {host.name}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {addressOf(host)}
        </div>
      </RowName>
      <td data-column="alias">{host.alias || <span className="quiet">–</span>}</td>
      <td className="wraps" data-column="roles">
        <Roles host={host} />
      </td>
      <td data-column="transport">{transportLabel(host)}</td>
      <td>{host.version ?? '–'}</td>
      <td>
        <Age at={host.since} />
      </td>
      <td style={{ width: 48 }}>
        <ActionMenu actions={<HostActions host={host} onOpen={onOpen} onLook={onLook} />} width={280}>
          <RowDots aria-label={`Actions for ${host.name}`} />
        </ActionMenu>
      </td>
    </tr>
  );
});
