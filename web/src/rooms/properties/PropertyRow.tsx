// One property: its value in an editor, and everything the schema and the log say about it.
import { ActionIcon, Text } from '@mantine/core';
import type { Property } from '../../live/types';
import { type Action, ActionMenu } from '../../shell/ActionMenu';
import { Icon } from '../../shell/icons';
import { RowName } from '../../shell/listing';
import { Age, Pill } from '../../shell/parts';
import { ConflictNotice } from './ConflictNotice';
import { conflictOf, keyOf, shownValue } from './drafts';
import classes from './properties.module.css';
import type { DraftsHandle } from './useDrafts';
import { ValueEditor } from './ValueEditor';
import { valueProblem } from './validate';

interface PropertyRowProps {
  property: Property;
  handle: DraftsHandle;
  whyNot: string | undefined;
  onHistory: () => void;
  onRemove: () => void;
}

function Modified({ property }: { property: Property }) {
  const { modified } = property;
  if (!modified) return <span className="quiet">never</span>;
  return (
    <>
      {modified.by}, <Age at={modified.at} />
      <div className="quiet" title={modified.reason ?? undefined}>
        index {modified.revision}
        {modified.reason && ` · ${modified.reason}`}
      </div>
    </>
  );
}

function RowMenu({ property, handle, whyNot, onHistory, onRemove }: PropertyRowProps) {
  const isDefault = property.is_default ? 'It has its default.' : undefined;
  const away: Action =
    property.default == null
      ? { label: 'Delete', icon: 'close', whyNot, onAct: onRemove }
      : {
          label: 'Back to the default',
          icon: 'close',
          whyNot: whyNot ?? isDefault,
          onAct: () => handle.edit(property, undefined),
        };
  return (
    <ActionMenu actions={[{ label: 'History', icon: 'history', onAct: onHistory }, away]}>
      <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${property.name}`}>
        <Icon name="dots" />
      </ActionIcon>
    </ActionMenu>
  );
}

export function PropertyRow(props: PropertyRowProps) {
  const { property, handle, whyNot } = props;
  const draft = handle.drafts.get(keyOf(property));
  const value = shownValue(draft, property);
  const conflict = conflictOf(draft, property);
  const problem = valueProblem(property.kind, value) ?? handle.refusals.get(keyOf(property))?.message;
  return (
    <>
      <tr className={draft ? classes.edited : undefined} data-property={keyOf(property)}>
        <RowName>
          <span className="mono">{property.name}</span>
        </RowName>
        <td>
          <ValueEditor
            property={property}
            value={value}
            error={draft ? problem : undefined}
            whyNot={whyNot}
            onChange={(next) => handle.edit(property, next)}
          />
          {draft && draft.value === undefined && (
            <Text size="xs" c="dimmed">
              goes back to the default
            </Text>
          )}
        </td>
        <td>
          <DefaultValue property={property} /> {property.is_default && <Pill tone="idle">default</Pill>}
        </td>
        <td>{property.description ?? <span className="quiet">–</span>}</td>
        <td>{property.scope === 'global' ? 'Global' : 'Per-node'}</td>
        <td>
          {property.restart.length > 0 ? property.restart.join(', ') : <span className="quiet">no</span>}
        </td>
        <td>
          <Modified property={property} />
        </td>
        <td>
          <RowMenu {...props} />
        </td>
      </tr>
      {conflict && (
        <tr className={classes.edited} data-conflict={keyOf(property)}>
          <td colSpan={8}>
            <ConflictNotice
              conflict={conflict}
              mine={value}
              onKeepMine={() => handle.keepMine(property)}
              onTakeTheirs={() => handle.drop(property)}
            />
          </td>
        </tr>
      )}
    </>
  );
}

function DefaultValue({ property }: { property: Property }) {
  if (property.default == null) return <span className="quiet">–</span>;
  return property.default === '' ? (
    <span className="quiet">empty</span>
  ) : (
    <span className="mono">{property.default}</span>
  );
}
