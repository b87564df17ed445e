// What can be done about a host, as items of a menu.
import { useWhyNot } from '../../live/session';
import type { Host } from '../../live/types';
import { type Action, Actions } from '../../shell/ActionMenu';

/** Which dialog is open, and about which host. */
export type Open =
  | { dialog: 'edit' | 'remove' | 'enrol' | 'trust' | 'outlook'; host: number }
  | { dialog: 'add' | 'own-key' };

export interface HostActs {
  onOpen: (to: Open) => void;
  /** It is looked at now. */
  onLook: (host: Host) => void;
}

export function HostActions({ host, onOpen, onLook }: HostActs & { host: Host }) {
  const manage = useWhyNot('hosts.manage');
  const trust = useWhyNot('hosts.trust');
  const actions: Action[] = [
    { label: 'Check now', icon: 'refresh', whyNot: manage, onAct: () => onLook(host) },
    {
      label: 'What depends on it',
      icon: 'info',
      onAct: () => onOpen({ dialog: 'outlook', host: host.id }),
    },
    { label: 'Edit', icon: 'edit', whyNot: manage, onAct: () => onOpen({ dialog: 'edit', host: host.id }) },
    host.transport.kind === 'agent'
      ? {
          label: 'Enrol its agent',
          icon: 'terminal',
          whyNot: trust,
          onAct: () => onOpen({ dialog: 'enrol', host: host.id }),
        }
      : {
          label: 'SSH key of the host',
          icon: 'shield',
          whyNot: trust,
          onAct: () => onOpen({ dialog: 'trust', host: host.id }),
        },
    {
      label: 'Delete node',
      icon: 'close',
      whyNot:
        manage ?? (host.manager == null ? undefined : 'A Kyvos Manager runs there. Delete that one first.'),
      onAct: () => onOpen({ dialog: 'remove', host: host.id }),
    },
  ];
  return <Actions actions={actions} />;
}
