// Utilities > Download Logs: the logs of any instance from any instance, and what support asks for first.
import { Group, Stack, Text } from '@mantine/core';
import { useWhyNot } from '../../live/session';
import { Icon } from '../../shell/icons';
import { Panel } from '../../shell/listing';
import { GuardedButton, Page, Rows } from '../../shell/parts';
import { useManagers } from '../managers/queries';
import { Downloads } from './Downloads';
import { LogsForm } from './LogsForm';
import { useDownloads } from './useDownloads';

const PADDED = { padding: 14 };
/** Side by side where there is room. */
const COLUMNS = {
  gridTemplateColumns: 'repeat(auto-fit, minmax(min(420px, 100%), 1fr))',
  alignItems: 'start',
};

function SupportBundle() {
  const { items, busy, start } = useDownloads();
  const whyNot = useWhyNot('view');
  const get = () =>
    void start([
      { key: 'support', label: 'Support bundle', path: '/support-bundle', otherwise: 'km-support.tar.gz' },
    ]);
  return (
    <Panel title="Support bundle" section="support-bundle">
      <Stack gap="md" style={PADDED}>
        <Text size="sm">
          One archive for support: the logs of every Kyvos Manager that can be had, and what the group tells
          you of itself: settings, operations, prechecks, audit. What looks like a password, token or key is
          taken out; its manifest says what is missing.
        </Text>
        <Downloads items={items} />
        <Group>
          <GuardedButton whyNot={whyNot} loading={busy} leftSection={<Icon name="download" />} onClick={get}>
            Download support bundle
          </GuardedButton>
        </Group>
      </Stack>
    </Panel>
  );
}

export function LogsPage() {
  const managers = useManagers().data;
  return (
    <Page title="Download Logs" above="Utilities">
      <div className="card-grid" style={COLUMNS}>
        <Panel title="Logs of Kyvos Manager" section="logs">
          <div style={PADDED}>{managers ? <LogsForm managers={managers} first={[]} /> : <Rows />}</div>
        </Panel>
        <SupportBundle />
      </div>
    </Page>
  );
}
