// Alerts: what a person should know, and who else is told. Which tab is shown stands in the address.
import { Tabs } from '@mantine/core';
import { useNavigate, useParams } from 'react-router';
import { Page } from '../../shell/parts';
import { AlertsPanel } from './AlertsPanel';
import { ChannelsPanel } from './ChannelsPanel';

const PATH = '/alerts';

export function AlertsPage() {
  const tab = useParams().tab === 'channels' ? 'channels' : 'alerts';
  const navigate = useNavigate();
  return (
    <Page title="Alerts">
      <Tabs
        value={tab}
        onChange={(to) => navigate(to === 'channels' ? `${PATH}/channels` : PATH)}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="alerts">Alerts</Tabs.Tab>
          <Tabs.Tab value="channels">Channels</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="alerts">
          <AlertsPanel />
        </Tabs.Panel>
        <Tabs.Panel value="channels">
          <ChannelsPanel />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
