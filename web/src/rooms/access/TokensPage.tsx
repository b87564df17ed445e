// Kyvos Manager Settings > Tokens: what programs sign in with, and what further Managers join with.
import { Page } from '../../shell/parts';
import { ApiTokens } from './ApiTokens';
import { JoinTokens } from './JoinTokens';

export function TokensPage() {
  return (
    <Page title="Tokens" above="Kyvos Manager Settings">
      <ApiTokens />
      <JoinTokens />
    </Page>
  );
}
