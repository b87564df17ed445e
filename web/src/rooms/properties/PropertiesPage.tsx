// Kyvos Manager Settings > Kyvos Manager Properties: find a property, change it, see who changed it before.
import { Button, SegmentedControl, Text, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useBlocker, useLocation, useSearchParams } from 'react-router';
import { useWhyNot } from '../../live/session';
import type { Property } from '../../live/types';
import { plural } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { Empty, GuardedButton, Page, ProblemAlert, Rows } from '../../shell/parts';
import { AddDialog, RemoveDialog } from './CustomDialogs';
import { unsaveable } from './drafts';
import { HistoryDrawer } from './HistoryDrawer';
import { LastOperation } from './LastOperation';
import { LeaveDialog } from './LeaveDialog';
import { PropertyRow } from './PropertyRow';
import classes from './properties.module.css';
import { FILES, type File, useProperties } from './queries';
import { SwitchHaDialog, switchedHa } from './SwitchHaDialog';
import { matching } from './search';
import { type DraftsHandle, useDrafts } from './useDrafts';

/** Name and width: what is read is wide, what is a word is narrow. */
const COLUMNS = [
  ['Property', '18%'],
  ['Value', '17%'],
  ['Default', '9%'],
  ['Description', '28%'],
  ['Scope', '7%'],
  ['Restart required', '8%'],
  ['Modified', '13%'],
  ['Actions', '72px'],
] as const;

/** The mark of an address that follows the field. */
const TYPED = 'typed';

/** Which file is shown and what is searched for, kept in the address. The address follows what is typed a moment later,
 * so the field has its own state: it would lose letters otherwise. A link sets both. */
function useChoice() {
  const [params, setParams] = useSearchParams();
  const { key, state } = useLocation();
  const addressed = params.get('search') ?? '';
  const [typed, setTyped] = useState(addressed);
  const [lastKey, setLastKey] = useState(key);
  if (key !== lastKey) {
    setLastKey(key);
    if (state !== TYPED) setTyped(addressed);
  }
  const put = (name: string, value: string, why?: string) =>
    setParams(
      (before) => {
        if (value === '') before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true, state: why },
    );
  const asked = params.get('file') as File | null;
  const file: File = asked && FILES.includes(asked) ? asked : 'kyvos-manager';
  return {
    file,
    search: typed,
    setFile: (value: string) => put('file', value),
    setSearch(value: string) {
      setTyped(value);
      put('search', value, TYPED);
    },
  };
}

function Pending({
  handle,
  reason,
  onReason,
}: {
  handle: DraftsHandle;
  reason: string;
  onReason: (to: string) => void;
}) {
  if (handle.drafts.size === 0) return null;
  return (
    <div className={classes.pending}>
      <strong>{plural(handle.drafts.size, 'unsaved change')}</strong>
      <TextInput
        size="xs"
        aria-label="Reason for the change"
        placeholder="Reason (optional, kept in the history)"
        maxLength={512}
        style={{ flex: '1 1 260px', maxWidth: 460 }}
        value={reason}
        onChange={(event) => onReason(event.currentTarget.value)}
      />
    </div>
  );
}

/** Says aloud what Save did. */
function SaveResult({ handle }: { handle: DraftsHandle }) {
  const report = handle.saving.data;
  const refused = report?.refused.size ?? 0;
  return (
    <Text size="sm" component="div" aria-live="polite" c={refused > 0 ? 'var(--km-bad)' : 'var(--km-ok)'}>
      {report && handle.drafts.size === refused && (
        <>
          {report.saved.size > 0 && `${plural(report.saved.size, 'change')} saved. `}
          {refused > 0 && `${plural(refused, 'change')} not saved, see the row.`}
        </>
      )}
    </Text>
  );
}

interface TableProps {
  properties: Property[];
  handle: DraftsHandle;
  whyNot: string | undefined;
}

function PropertyTable({ properties, handle, whyNot }: TableProps) {
  const [historyOf, setHistoryOf] = useState<string>();
  const [removed, setRemoved] = useState<Property>();
  return (
    <>
      <div className="table-wrap">
        <table aria-label="Kyvos Manager Properties" className={classes.table}>
          <thead>
            <tr>
              {COLUMNS.map(([column, width]) => (
                <th key={column} scope="col" style={{ width }}>
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {properties.map((property) => (
              <PropertyRow
                key={`${property.file}/${property.name}`}
                property={property}
                handle={handle}
                whyNot={whyNot}
                onHistory={() => setHistoryOf(property.name)}
                onRemove={() => setRemoved(property)}
              />
            ))}
          </tbody>
        </table>
      </div>
      <HistoryDrawer
        property={properties.find(({ name }) => name === historyOf)}
        whyNot={whyNot}
        onClose={() => setHistoryOf(undefined)}
      />
      <RemoveDialog property={removed} onClose={() => setRemoved(undefined)} />
    </>
  );
}

function Nothing({ file, search, elsewhere }: { file: File; search: string; elsewhere: number }) {
  if (search === '')
    return file === 'custom' ? (
      <Empty title="No custom properties yet">Add a name of your own with the button above.</Empty>
    ) : (
      <Empty title={`No properties in ${file}`} />
    );
  return (
    <Empty title={`Nothing in ${file} matches “${search}”`}>
      {elsewhere > 0
        ? `${plural(elsewhere, 'match', 'matches')} in other files; choose one above.`
        : 'Try a part of the name.'}
    </Empty>
  );
}

/** Asks before unsaved edits are left behind, inside the dashboard and when the tab closes. */
function useLeaveGuard(dirty: boolean) {
  useEffect(() => {
    if (!dirty) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [dirty]);
  return useBlocker(
    ({ currentLocation, nextLocation }) => dirty && currentLocation.pathname !== nextLocation.pathname,
  );
}

export function PropertiesPage() {
  const choice = useChoice();
  const query = useProperties();
  const handle = useDrafts();
  const whyNot = useWhyNot('properties.change');
  const [reason, setReason] = useState('');
  const [adding, setAdding] = useState(false);
  const blocker = useLeaveGuard(handle.drafts.size > 0);

  const all = query.data ?? [];
  const matches = matching(all, choice.search);
  const shown = matches.filter(({ file }) => file === choice.file);
  const [asking, setAsking] = useState(false);
  const switched = switchedHa(handle.drafts);
  const save = () => {
    setAsking(false);
    handle.save(reason, ({ refused }) => refused.size === 0 && setReason(''));
  };

  return (
    <Page title="Kyvos Manager Properties" above="Kyvos Manager Settings">
      <SegmentedControl
        aria-label="Property file"
        data={FILES.map((file) => ({ value: file, label: file }))}
        value={choice.file}
        onChange={choice.setFile}
        style={{ alignSelf: 'flex-start' }}
      />
      <section className="panel" aria-label="Properties">
        <div className={classes.toolbar}>
          <TextInput
            className={classes.search ?? ''}
            type="search"
            aria-label="Search properties"
            placeholder="Search by name, value or description"
            leftSection={<Icon name="search" />}
            value={choice.search}
            onChange={(event) => choice.setSearch(event.currentTarget.value)}
          />
          <SaveResult handle={handle} />
          <div className={classes.buttons}>
            {choice.file === 'custom' && (
              <GuardedButton
                whyNot={whyNot}
                variant="default"
                leftSection={<Icon name="plus" />}
                onClick={() => setAdding(true)}
              >
                Add property
              </GuardedButton>
            )}
            <LastOperation properties={all} />
            <Button variant="default" disabled={handle.drafts.size === 0} onClick={handle.revert}>
              Revert
            </Button>
            <GuardedButton
              whyNot={whyNot ?? unsaveable(handle.drafts, all)}
              loading={handle.saving.isPending}
              onClick={switched ? () => setAsking(true) : save}
            >
              Save
            </GuardedButton>
          </div>
        </div>
        <Pending handle={handle} reason={reason} onReason={setReason} />
        {query.isPending && <Rows count={8} />}
        {query.isError && !query.data && <ProblemAlert error={query.error} />}
        {query.data && shown.length === 0 && (
          <Nothing file={choice.file} search={choice.search} elsewhere={matches.length} />
        )}
        {shown.length > 0 && <PropertyTable properties={shown} handle={handle} whyNot={whyNot} />}
      </section>
      <AddDialog opened={adding} onClose={() => setAdding(false)} />
      <SwitchHaDialog to={asking ? switched : undefined} onConfirm={save} onClose={() => setAsking(false)} />
      <LeaveDialog blocker={blocker} count={handle.drafts.size} />
    </Page>
  );
}
