// Colours, type and densities for Mantine. The status colours and surfaces are plain custom properties in tokens.css.
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const kyvos: MantineColorsTuple = [
  '#eef3fb',
  '#dbe5f5',
  '#b6c9e8',
  '#8eabda',
  '#6c91ce',
  '#5580c6',
  '#4776c2',
  '#2f5fa8',
  '#27548f',
  '#1d4478',
];
const slate: MantineColorsTuple = [
  '#d9dee6',
  '#b9c1cd',
  '#9aa4b3',
  '#6f7a8a',
  '#3a4350',
  '#2d3541',
  '#212833',
  '#171c25',
  '#11151c',
  '#0c0f15',
];

export const theme = createTheme({
  primaryColor: 'kyvos',
  primaryShade: { light: 7, dark: 7 },
  colors: { kyvos, dark: slate },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  autoContrast: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '1.25rem' }, h2: { fontSize: '1rem' }, h3: { fontSize: '0.875rem' } },
  },
  components: {
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Tooltip: { defaultProps: { withArrow: true, multiline: true, maw: 340 } },
    Modal: {
      styles: { title: { fontWeight: 600 } },
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    Drawer: {
      styles: { title: { fontWeight: 600 } },
      defaultProps: { closeButtonProps: { 'aria-label': 'Close' } },
    },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
    // A dialog's <header> would be announced as a second banner of the page.
    ModalHeader: { defaultProps: { role: 'presentation' } },
    DrawerHeader: { defaultProps: { role: 'presentation' } },
  },
});

/** Mantine's quiet greys are below AA contrast; these are not. */
export const readableGreys: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-dimmed': '#566173',
    '--mantine-color-placeholder': '#677386',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-anchor': '#27548f',
    '--mantine-color-default-border': '#cbd3de',
  },
  dark: {
    '--mantine-color-dimmed': '#9aa4b3',
    '--mantine-color-placeholder': '#8c97a8',
    '--mantine-color-error': '#ff8a80',
    '--mantine-color-anchor': '#8eb4f0',
    '--mantine-color-default-border': '#3a4350',
  },
});
