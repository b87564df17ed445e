// A menu that is open, or was. It gives the focus back to what opened it before it acts, so that a dialog it opens returns there; and
// an action that is not possible stays findable, with its reason.
import { Menu, Text } from '@mantine/core';
import { type ReactNode, type Ref, type RefObject, useEffect, useImperativeHandle, useState } from 'react';
import { type Action, Drawing } from './ActionMenu';
import { Icon } from './icons';

interface OpenMenuProps {
  /** That of its button; its own is `<id>-dropdown`. */
  id: string;
  button: RefObject<HTMLElement | null>;
  opened: boolean;
  onChange: (opened: boolean) => void;
  heading: string | undefined;
  width: number;
  side: 'start' | 'end';
  /** What stands in it. */
  children: ReactNode;
}

/** Menus live inside the page's main landmark, where assistive technology looks for content. */
const INSIDE_MAIN = { target: '#content' };

/** The button stands on the page already: the menu only has to know which one it is. */
function Where({ button, ref }: { button: RefObject<HTMLElement | null>; ref?: Ref<HTMLElement> }) {
  useImperativeHandle<HTMLElement | null, HTMLElement | null>(
    ref as Ref<HTMLElement | null>,
    () => button.current,
    [button],
  );
  return null;
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

export function OpenMenu(props: OpenMenuProps) {
  const { id, button, opened, onChange, heading, width, side, children } = props;
  // It is there before it opens: only so it remembers what had the focus.
  const [isThere, setThere] = useState(false);
  useEffect(() => setThere(true), []);
  const choose = (action: Action) => {
    button.current?.focus();
    action.onAct();
  };
  const draw = (actions: Action[]) =>
    actions.map((action) => <Item key={action.label} action={action} onChosen={() => choose(action)} />);
  return (
    <Menu
      id={id}
      opened={opened && isThere}
      onChange={onChange}
      position={`bottom-${side}`}
      width={width}
      withInitialFocusPlaceholder={false}
      portalProps={INSIDE_MAIN}
    >
      <Menu.Target>
        <Where button={button} />
      </Menu.Target>
      <Menu.Dropdown>
        {heading && (
          <Text size="xs" c="dimmed" px="sm" py={4} role="presentation">
            {heading}
          </Text>
        )}
        <Drawing value={draw}>{children}</Drawing>
      </Menu.Dropdown>
    </Menu>
  );
}
