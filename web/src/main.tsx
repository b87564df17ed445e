// Starts the dashboard: theme, query cache, routes.
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './shell/tokens.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router';
import { readAllPages, readFirstPage, router } from './app';
import { readFirst } from './firstReads';
import { whenSignedOut } from './live/client';
import { keys, newQueryClient } from './live/queries';
import { late } from './shell/late';
import { readableGreys, theme } from './shell/theme';

const queries = newQueryClient();
whenSignedOut(() => queries.setQueryData(keys.me, null));

const Told = late('Told', () => import('./shell/Told'));

const colorScheme = localStorageColorSchemeManager({ key: 'km-scheme' });
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');

const draw = () =>
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={readableGreys}
        colorSchemeManager={colorScheme}
        defaultColorScheme="auto"
      >
        <QueryClientProvider client={queries}>
          <Told />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );

/** What comes so soon is drawn as it is: nobody is shown first that it will come. */
const SOON_MS = 500;
const soon = new Promise((done) => window.setTimeout(done, SOON_MS));
void Promise.race([Promise.all([readFirstPage(), readFirst(queries, location.pathname)]), soon]).then(draw);

/** Long enough for the first page to be read and drawn. */
const OTHERS_AFTER_MS = 3000;
window.setTimeout(() => void readAllPages(), OTHERS_AFTER_MS);
