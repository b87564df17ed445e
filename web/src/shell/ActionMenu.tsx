// The menu of actions of one row or one button. It gives the focus back to what opened it before it acts, so that a
// dialog it opens returns there; and an action that is not possible stays findable, with its reason.
import { Menu, Text } from '@mantine/core';
import { createContext, isValidElement, type ReactElement, type ReactNode, use, useRef } from 'react';
import { Icon, type IconName } from './icons';

export interface Action {
  label: string;
  icon: IconName;
  /** Why it is not possible now; undefined when it is. */
  whyNot?: string | undefined;
  onAct: () => void;
}

interface ActionMenuProps {
  /** What can be done; or `Actions` that come to know it only once the menu is open, for a row among hundreds. */
  actions: Action[] | ReactElement;
  heading?: string;
  width?: number;
  /** On which side of the button it hangs. */
  side?: 'start' | 'end';
  /** The button that opens it. */
  children: ReactNode;
}

/** Menus live inside the page's main landmark, where assistive technology looks for content. */
const INSIDE_MAIN = { target: '#content' };

const Choosing = createContext<(action: Action) => void>(() => undefined);

/** What stands in a menu. */
export function Actions({ actions }: { actions: Action[] }) {
  const choose = use(Choosing);
  return actions.map((action) => <Item key={action.label} action={action} onChosen={() => choose(action)} />);
}

function Item({ action, onChosen }: { action: Action; onChosen: () => void }) {
  const { label, icon, whyNot } = action;
  if (whyNot === undefined)
    return (
      <Menu.Item leftSection={<Icon name={icon} />} onClick={onChosen}>
        {label}
      </Menu.Item>
    );
  return (
    <Menu.Item leftSection={<Icon name={icon} />} aria-disabled="true" closeMenuOnClick={false} c="dimmed">
      {label}
      <Text size="xs" data-reason>
        {whyNot}
      </Text>
    </Menu.Item>
  );
}

export function ActionMenu({ actions, heading, width = 220, side = 'end', children }: ActionMenuProps) {
  const opener = useRef<HTMLElement | null>(null);
  const remember = () => {
    opener.current = document.activeElement as HTMLElement | null;
  };
  const choose = (action: Action) => {
    opener.current?.focus();
    action.onAct();
  };
  return (
    <Menu
      position={`bottom-${side}`}
      width={width}
      withInitialFocusPlaceholder={false}
      portalProps={INSIDE_MAIN}
      onOpen={remember}
    >
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown>
        {heading && (
          <Text size="xs" c="dimmed" px="sm" py={4} role="presentation">
            {heading}
          </Text>
        )}
        <Choosing value={choose}>
          {isValidElement(actions) ? actions : <Actions actions={actions} />}
        </Choosing>
      </Menu.Dropdown>
    </Menu>
  );
}
