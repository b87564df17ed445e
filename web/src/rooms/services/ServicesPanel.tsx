// The tab Services: every service of each type, what is wanted of it against what is made of it, and what can be done.
import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core';
import { Fragment, useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import type { Service, ServiceType } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { plural } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { late } from '../../shell/late';
import { DataTable, Listing, LongList, Panel } from '../../shell/listing';
import type { Placed } from '../../shell/paging';
import { Empty, TextLink } from '../../shell/parts';
import type { Act } from './acts';
import { useShownServices } from './queries';
import {
  byType,
  chosen,
  type Show,
  type Tally,
  TYPES,
  tallyOf,
  titlesOfType,
  underTypes,
  type Wish,
} from './reading';
import { ServiceActions } from './ServiceActions';
import { COLUMNS, ServiceRow, TypeRow } from './ServiceRow';
import { useOperateDialog } from './useOperateDialog';
import { WatchDetail, WatchPill } from './WatchDetail';

const ControlDialog = late('ControlDialog', () => import('./ControlDialog'));

const SHOWS: { value: Show; label: string }[] = [
  { value: 'all', label: 'Any state' },
  { value: 'look', label: 'Not as wanted' },
  { value: 'stopped', label: 'Wanted stopped' },
];

/** What is to be seen; type and state are part of the address. */
function useWish(): [Wish, (name: 'type' | 'show', value: string) => void, (text: string) => void] {
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState('');
  const type = TYPES.find((one) => one === params.get('type'));
  const show = SHOWS.find(({ value }) => value === params.get('show'))?.value ?? 'all';
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        if (value === '' || value === 'all') before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true },
    );
  return [{ type, show, text }, set, setText];
}

function Filters({ wish: [{ type, show, text }, set, setText] }: { wish: ReturnType<typeof useWish> }) {
  return (
    <Group gap="xs" px={14} py={8}>
      <TextInput
        size="xs"
        aria-label="Find a service"
        placeholder="Type or node"
        leftSection={<Icon name="search" size={13} />}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
      />
      <NativeSelect
        size="xs"
        aria-label="Type"
        value={type ?? ''}
        onChange={({ currentTarget }) => set('type', currentTarget.value)}
        data={[
          { value: '', label: 'All types' },
          ...TYPES.map((value) => ({ value, label: titlesOfType(value) })),
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label="State"
        value={show}
        onChange={({ currentTarget }) => set('show', currentTarget.value)}
        data={SHOWS}
      />
    </Group>
  );
}

interface TableProps {
  found: Service[];
  /** Those of them on this page. */
  shown: Placed<Service>[];
  tallies: Map<ServiceType, Tally>;
  onAsk: (act: Act) => void;
  onControl: (type: ServiceType) => void;
}

function ServiceTable({ found, shown, tallies, onAsk, onControl }: TableProps) {
  return (
    <DataTable label="Services" columns={COLUMNS} rows={found.length + byType(found).length}>
      {underTypes(found, shown).map(({ type, place, services }) => (
        <Fragment key={type}>
          <TypeRow
            type={type}
            tally={tallies.get(type) ?? tallyOf([])}
            place={place}
            actions={<ServiceActions about={{ type }} onAsk={onAsk} onControl={onControl} />}
          />
          {services.map(({ row, place: at }) => (
            <ServiceRow key={row.id} service={row} place={at} onAsk={onAsk} />
          ))}
        </Fragment>
      ))}
    </DataTable>
  );
}

function ClusterMenu({ onAsk }: { onAsk: (act: Act) => void }) {
  return (
    <ActionMenu width={320} actions={<ServiceActions about={{}} onAsk={onAsk} />}>
      <Button
        variant="default"
        aria-label="Actions of Services"
        rightSection={<Icon name="dots" size={14} />}
      >
        Actions
      </Button>
    </ActionMenu>
  );
}

function NoServices() {
  return (
    <Empty title="No services">
      Give the nodes their roles on <TextLink to="/nodes-and-services">Nodes</TextLink>: each is a service.
    </Empty>
  );
}

/** A type is counted whole, whatever is sought. */
const talliesOf = (all: Service[]) =>
  new Map(byType(all).map(({ type, services }) => [type, tallyOf(services)]));

export function ServicesPanel() {
  const { query, all } = useShownServices();
  const tallies = useMemo(() => talliesOf(all ?? []), [all]);
  const wish = useWish();
  const [{ type, show, text }] = wish;
  const [controlled, setControlled] = useState<ServiceType>();
  const { ask, dialog } = useOperateDialog();
  return (
    <Panel
      title="Services"
      section="services"
      beside={
        <span className="quiet">
          {all && plural(all.length, 'service')} · <WatchPill />
        </span>
      }
      actions={<ClusterMenu onAsk={ask} />}
    >
      <Text size="sm" component="div" className="quiet" px={14} pt={8}>
        <WatchDetail whole />
      </Text>
      <Filters wish={wish} />
      <Listing query={query} items={all} empty={<NoServices />}>
        {(services) => {
          const found = chosen(services, wish[0]);
          if (found.length === 0) return <Empty title="No service is like that" />;
          return (
            <LongList rows={found} noun="services" sought={`${type} ${show} ${text}`}>
              {(shown) => (
                <ServiceTable
                  found={found}
                  shown={shown}
                  tallies={tallies}
                  onAsk={ask}
                  onControl={setControlled}
                />
              )}
            </LongList>
          );
        }}
      </Listing>
      {dialog}
      <ControlDialog type={controlled} onClose={() => setControlled(undefined)} />
    </Panel>
  );
}
