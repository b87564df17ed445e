// An address that shows nothing.
import { Empty, Page, TextLink } from './parts';

export function NotFound() {
  return (
    <Page title="Nothing here">
      <Empty title="There is no page at this address.">
        <TextLink to="/">Go to the Dashboard</TextLink>
      </Empty>
    </Page>
  );
}
