// How the dashboard is built, served while developing, and unit-tested.
// Nothing is inlined: the server's Content-Security-Policy allows only files of its own.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const api = process.env.KM_API ?? 'http://localhost:9101';

export default defineConfig({
  plugins: [react()],
  build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 900, modulePreload: { polyfill: false } },
  server: { port: 5173, strictPort: true, proxy: { '/api': { target: api, secure: false } } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], setupFiles: ['src/testing/setup.ts'] },
});
