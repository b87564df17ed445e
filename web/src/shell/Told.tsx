// What was done, told for some seconds in a corner.
import { Notifications } from '@mantine/notifications';

export function Told() {
  return <Notifications position="bottom-right" autoClose={5000} />;
}
