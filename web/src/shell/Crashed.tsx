// A page that broke: our mistake. It says so, with what to report, and the rest of the dashboard stays usable.
import { Button } from '@mantine/core';
import { useRouteError } from 'react-router';
import { Command, Empty } from './parts';

export function Crashed() {
  const error = useRouteError();
  return (
    <main>
      <Empty title="This page broke. Nothing was changed by that.">
        <p>Please report this with what you did:</p>
        <Command>{error instanceof Error ? `${error.name}: ${error.message}` : String(error)}</Command>
        <Button mt="md" onClick={() => location.reload()}>
          Reload
        </Button>
      </Empty>
    </main>
  );
}
