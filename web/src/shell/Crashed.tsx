// A page that broke: our mistake. It says so, with what to report, and the rest of the dashboard stays usable. A page that did not
// arrive is nobody's: it is asked for again.
import { Button } from '@mantine/core';
import { useRouteError } from 'react-router';
import { Command, Empty } from './parts';

/** The file of a page did not arrive. */
export class PageNotRead extends Error {
  constructor(cause: unknown) {
    super('A page of the dashboard could not be read.', { cause });
  }
}

const Reload = () => (
  <Button mt="md" onClick={() => location.reload()}>
    Reload
  </Button>
);

export function Crashed() {
  const error = useRouteError();
  if (error instanceof PageNotRead)
    return (
      <main>
        <Empty title="This page could not be read from its Manager.">
          It did not answer, or another version runs there by now.
          <div>
            <Reload />
          </div>
        </Empty>
      </main>
    );
  return (
    <main>
      <Empty title="This page broke. Nothing was changed by that.">
        <p>Please report this with what you did:</p>
        <Command>{error instanceof Error ? `${error.name}: ${error.message}` : String(error)}</Command>
        <Reload />
      </Empty>
    </main>
  );
}
