// The bell in the top bar: how many alerts nobody has seen, and the way to them.
import { UnstyledButton } from '@mantine/core';
import { Link } from 'react-router';
import { Hint } from '../../shell/Hint';
import { Icon } from '../../shell/icons';
import classes from './Bell.module.css';
import { useOpenAlerts } from './queries';
import { bellOf } from './status';

export function Bell() {
  const open = useOpenAlerts().data;
  const { shown, label, tone } = bellOf(open?.items ?? [], open?.next != null);
  return (
    <Hint label={label}>
      <UnstyledButton
        component={Link}
        to="/alerts"
        className={classes.bell ?? ''}
        aria-label={label}
        data-bell
      >
        <Icon name="bell" size={17} />
        {shown !== '' && (
          <span className={`${classes.count} ${tone === 'bad' ? classes.bad : classes.warn}`}>{shown}</span>
        )}
      </UnstyledButton>
    </Hint>
  );
}
