// Runs Biome from its platform package. Its wrapper package names ten platforms, and `npm ci` refuses a lock file when a
// registry does not carry all of them; the two that Kyvos hosts and their developers use are enough.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const program = createRequire(import.meta.url).resolve(
  `@biomejs/cli-${process.platform}-${process.arch}/biome`,
);
const { status, error } = spawnSync(program, process.argv.slice(2), { stdio: 'inherit' });
if (error) throw error;
process.exit(status ?? 1);
