// One value, edited in place, with the control its kind asks for.
import { NativeSelect, Text, Textarea, TextInput } from '@mantine/core';
import type { Property } from '../../live/types';

interface ValueEditorProps {
  property: Property;
  value: string;
  error: string | undefined;
  /** Why it cannot be changed now. */
  whyNot: string | undefined;
  onChange: (value: string) => void;
}

const LONG = 60;
const isLong = (value: string) => value.length > LONG || value.includes('\n');

export function ValueEditor({ property, value, error, whyNot, onChange }: ValueEditorProps) {
  const { kind, name } = property;
  const common = {
    'aria-label': `Value of ${name}`,
    value,
    error,
    size: 'xs' as const,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
  if (whyNot !== undefined) return <TextInput {...common} readOnly title={whyNot} />;
  if (kind.type === 'yes_no' || kind.type === 'choice') {
    const choices = kind.type === 'yes_no' ? ['yes', 'no'] : kind.choices;
    return <NativeSelect {...common} data={choices.includes(value) ? choices : [value, ...choices]} />;
  }
  if (kind.type === 'integer') {
    const unit = kind.unit && (
      <Text size="xs" c="dimmed" component="span">
        {kind.unit}
      </Text>
    );
    return <TextInput {...common} inputMode="numeric" rightSection={unit} rightSectionWidth={34} />;
  }
  // What stands for a secret is no secret: whoever changes it types it anew.
  if (kind.type === 'secret') return <TextInput {...common} type="password" autoComplete="new-password" />;
  // By what is stored: a field that became another one while being typed in would drop the focus.
  if (isLong(property.value)) return <Textarea {...common} autosize minRows={1} maxRows={6} />;
  return <TextInput {...common} spellCheck={false} />;
}
