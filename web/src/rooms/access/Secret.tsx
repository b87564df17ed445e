// A token that is shown once. It is nowhere else on the page, and gone when the dialog closes.
import { Button, CopyButton, Group, Stack, Text } from '@mantine/core';
import { Icon } from '../../shell/icons';
import { Command } from '../../shell/parts';

interface SecretProps {
  label: string;
  value: string;
  onClose: () => void;
}

export function Secret({ label, value, onClose }: SecretProps) {
  return (
    <Stack gap="sm">
      <Text size="sm">{label} It is shown only now.</Text>
      <Command>{value}</Command>
      <Group justify="flex-end" gap="xs">
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button variant="default" leftSection={<Icon name={copied ? 'check' : 'copy'} />} onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Stack>
  );
}
