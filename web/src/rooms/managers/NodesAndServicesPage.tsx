// Nodes and Services, tab "Nodes and Services mapping": the same section as on the Dashboard.
import { Tabs } from '@mantine/core';
import { useCluster } from '../../live/session';
import { Empty, Page, TextLink } from '../../shell/parts';
import { ActiveHistory } from './ActiveHistory';
import { PageMenu } from './GroupMenus';
import { KyvosManagerNodes } from './KyvosManagerNodes';
import { NoQuorum } from './NoQuorum';

function WithoutHa() {
  const cluster = useCluster().data;
  if (!cluster || cluster.ha_enabled) return null;
  return (
    <div className="panel">
      <Empty title="No node mapping to show">
        High availability is off, so this Kyvos Manager works alone. To run several, set ENABLE_KM_HA to yes
        in <TextLink to="/settings/properties?search=ENABLE_KM_HA">Kyvos Manager Properties</TextLink>.
      </Empty>
    </div>
  );
}

export function NodesAndServicesPage() {
  const cluster = useCluster().data;
  return (
    <Page title="Nodes and Services" actions={<PageMenu />}>
      <NoQuorum />
      <Tabs defaultValue="mapping" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="mapping">Nodes and Services mapping</Tabs.Tab>
          {cluster?.ha_enabled && <Tabs.Tab value="history">Active history</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="mapping">
          <KyvosManagerNodes />
          <WithoutHa />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <ActiveHistory />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
