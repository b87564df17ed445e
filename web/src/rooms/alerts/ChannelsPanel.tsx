// Who is told of alerts, how the telling goes, and trying a channel out.
import { Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { AlertChannel } from '../../live/types';
import { ConfirmDialog } from '../../shell/dialogs';
import { count, plural } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { DataTable, Listing, Panel, RowName } from '../../shell/listing';
import { Age, Empty, GuardedButton, Pill, ProblemAlert } from '../../shell/parts';
import { ChannelDialog } from './ChannelDialog';
import { removeChannel, testChannel, useAlertChange, useChannels } from './queries';
import { channelReading } from './status';

const COLUMNS = ['Channel', 'Told from', 'State', 'Last try', 'Told', 'Waiting', 'Actions'];
const NUMBERS = ['Told', 'Waiting'];

const whither = ({ webhook, email }: AlertChannel) =>
  webhook ? webhook.url : email ? `${email.to.join(', ')} by ${email.server}` : '';

interface RowProps {
  channel: AlertChannel;
  whyNot: string | undefined;
  onEdit: () => void;
  onRemove: () => void;
}

function LastTry({ channel }: { channel: AlertChannel }) {
  const { last_try: last, next_try_at: next } = channel;
  if (!last) return <span className="quiet">never</span>;
  return (
    <>
      {last.detail} <Age at={last.at} />
      {next && (
        <Text size="xs" className="quiet" component="div">
          tried again <Age at={next} />
        </Text>
      )}
    </>
  );
}

function Row({ channel, whyNot, onEdit, onRemove }: RowProps) {
  const testing = useAlertChange(testChannel);
  const { word, tone, icon } = channelReading(channel);
  const button = (verb: string, onClick: () => void, loading = false) => (
    <GuardedButton
      whyNot={whyNot}
      loading={loading}
      variant="default"
      size="compact-xs"
      aria-label={`${verb} ${channel.name}`}
      onClick={onClick}
    >
      {verb}
    </GuardedButton>
  );
  return (
    <tr data-channel={channel.name}>
      <RowName className="wraps">
        {channel.name}
        <Text size="xs" className="quiet" component="div">
          {whither(channel)}
        </Text>
      </RowName>
      <td>{channel.minimum_severity}</td>
      <td>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
      </td>
      <td className="wraps">
        <div aria-live="polite" data-last-try>
          {testing.isError ? (
            <ProblemAlert error={testing.error} title="Not tried" />
          ) : (
            <LastTry channel={channel} />
          )}
        </div>
      </td>
      <td className="number">
        {count(channel.told)}
        {channel.given_up > 0 && (
          <Text size="xs" className="quiet" component="div">
            {plural(channel.given_up, 'letter')} given up
          </Text>
        )}
      </td>
      <td className="number">{channel.waiting}</td>
      <td style={{ width: 230 }}>
        <Group gap={6} wrap="nowrap">
          {button('Send a test', () => testing.mutate(channel.id), testing.isPending)}
          {button('Edit', onEdit)}
          {button('Remove', onRemove)}
        </Group>
      </td>
    </tr>
  );
}

export function ChannelsPanel() {
  const query = useChannels();
  const whyNot = useWhyNot('alerts.channels');
  const [editing, setEditing] = useState<AlertChannel | 'new'>();
  const [doomed, setDoomed] = useState<AlertChannel>();
  const removing = useAlertChange(removeChannel, { onSuccess: () => setDoomed(undefined) });
  return (
    <Panel
      title="Channels"
      section="channels"
      actions={
        <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => setEditing('new')}>
          Add channel
        </GuardedButton>
      }
    >
      <Listing
        query={query}
        items={query.data}
        placeholders={2}
        empty={
          <Empty title="Nobody is told">
            Alerts are shown here only. Add a webhook or e-mail, so that somebody hears of them who does not
            look.
          </Empty>
        }
      >
        {(channels) => (
          <DataTable label="Channels" columns={COLUMNS} numbers={NUMBERS}>
            {channels.map((channel) => (
              <Row
                key={channel.id}
                channel={channel}
                whyNot={whyNot}
                onEdit={() => setEditing(channel)}
                onRemove={() => setDoomed(channel)}
              />
            ))}
          </DataTable>
        )}
      </Listing>
      <ChannelDialog
        opened={editing !== undefined}
        channel={editing === 'new' ? undefined : editing}
        onClose={() => setEditing(undefined)}
      />
      <ConfirmDialog
        of={doomed}
        change={removing}
        title="Remove a channel"
        verb="Remove"
        onClose={() => setDoomed(undefined)}
      >
        Nobody is told by <strong>{doomed?.name}</strong> any more
        {doomed && doomed.waiting > 0 && <>, and {plural(doomed.waiting, 'letter')} that wait are lost</>}.
      </ConfirmDialog>
    </Panel>
  );
}
