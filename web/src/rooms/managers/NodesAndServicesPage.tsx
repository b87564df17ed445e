// Nodes and Services: the machines, what runs where (with the same section of Kyvos Manager Nodes as on the Dashboard),
// and who was Active. Which tab is shown stands in the address.
import { Stack, Tabs } from '@mantine/core';
import { useNavigate, useParams } from 'react-router';
import { useCluster } from '../../live/session';
import { Empty, Page, TextLink } from '../../shell/parts';
import { HostsPanel } from '../hosts/HostsPanel';
import { MappingPanel } from '../hosts/MappingPanel';
import { PrecheckPanel } from '../prechecks/PrecheckPanel';
import { ServicesHaTab } from '../services/ha/ServicesHaTab';
import { ServicesPanel } from '../services/ServicesPanel';
import { ActiveHistory } from './ActiveHistory';
import { AddManagerButton } from './adding/AddManagerButton';
import { PageMenu } from './GroupMenus';
import { KyvosManagerNodes } from './KyvosManagerNodes';
import { NoQuorum } from './NoQuorum';

const PATH = '/nodes-and-services';
const TABS = ['nodes', 'services', 'services-ha', 'mapping', 'prechecks', 'history'] as const;
type Tab = (typeof TABS)[number];

function useTab(ha: boolean): [Tab, (to: string | null) => void] {
  const asked = useParams().tab;
  const navigate = useNavigate();
  const known = TABS.find((tab) => tab === asked) ?? 'nodes';
  const tab = known === 'history' && !ha ? 'nodes' : known;
  return [tab, (to) => navigate(to === 'nodes' ? PATH : `${PATH}/${to}`)];
}

function WithoutHa() {
  return (
    <div className="panel">
      <Empty title="Kyvos Manager works alone">
        High availability is off. To run several Kyvos Managers, set ENABLE_KM_HA to yes in{' '}
        <TextLink to="/settings/properties?search=ENABLE_KM_HA">Kyvos Manager Properties</TextLink>.
      </Empty>
    </div>
  );
}

export function NodesAndServicesPage() {
  const ha = useCluster().data?.ha_enabled;
  const [tab, choose] = useTab(ha ?? true);
  return (
    <Page
      title="Nodes and Services"
      actions={
        <>
          <AddManagerButton />
          <PageMenu />
        </>
      }
    >
      <NoQuorum />
      <Tabs value={tab} onChange={choose} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="nodes">Nodes</Tabs.Tab>
          <Tabs.Tab value="services">Services</Tabs.Tab>
          <Tabs.Tab value="services-ha">Services HA</Tabs.Tab>
          <Tabs.Tab value="mapping">Nodes and Services mapping</Tabs.Tab>
          <Tabs.Tab value="prechecks">Prechecks</Tabs.Tab>
          {ha && <Tabs.Tab value="history">Active history</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="nodes">
          <HostsPanel />
        </Tabs.Panel>
        <Tabs.Panel value="services">
          <ServicesPanel />
        </Tabs.Panel>
        <Tabs.Panel value="services-ha">
          <ServicesHaTab />
        </Tabs.Panel>
        <Tabs.Panel value="mapping">
          <Stack gap="md">
            <KyvosManagerNodes />
            <MappingPanel />
            {ha === false && <WithoutHa />}
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="prechecks">
          <PrecheckPanel />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <ActiveHistory />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
