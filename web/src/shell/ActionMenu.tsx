// The menu of actions of one row or one button. Until it is opened there is only its button: of open menus (OpenMenu.tsx) a page of a
// list would have fifty, which takes a browser longer to make than the rows.
import {
  cloneElement,
  createContext,
  type ReactElement,
  type ReactNode,
  use,
  useId,
  useRef,
  useState,
} from 'react';
import type { IconName } from './icons';
import { late } from './late';

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
  children: ReactElement<object>;
}

const OpenMenu = late('OpenMenu', () => import('./OpenMenu'));

/** How the menu that is open draws actions. */
export const Drawing = createContext<(actions: Action[]) => ReactNode>(() => null);

/** What stands in a menu. */
export function Actions({ actions }: { actions: Action[] }) {
  return use(Drawing)(actions);
}

export function ActionMenu({ actions, heading, width = 220, side = 'end', children }: ActionMenuProps) {
  const id = useId();
  const button = useRef<HTMLElement>(null);
  const [opened, setOpened] = useState(false);
  const [wasOpened, setWasOpened] = useState(false);
  const toggle = () => {
    setWasOpened(true);
    setOpened(!opened);
  };
  const target = {
    ref: button,
    id,
    'aria-haspopup': 'menu',
    'aria-expanded': opened,
    'aria-controls': opened ? `${id}-dropdown` : undefined,
    'data-expanded': opened || undefined,
    onClick: toggle,
  };
  return (
    <>
      {cloneElement(children, target)}
      {wasOpened && (
        <OpenMenu
          id={id}
          button={button}
          opened={opened}
          onChange={setOpened}
          heading={heading}
          width={width}
          side={side}
        >
          {Array.isArray(actions) ? <Actions actions={actions} /> : actions}
        </OpenMenu>
      )}
    </>
  );
}
