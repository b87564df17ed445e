//! The configuration reference, `docs/running/config.md`, printed from the table of settings.

use std::fmt::Write;

use super::settings::{Default, Kind, SETTINGS, Setting};

const INTRODUCTION: &str = "\
# Configuration reference

<!-- Printed from src/config/settings.rs by `km config reference`; a test keeps it true. -->

A Manager is configured by one TOML file, given as `--config FILE`. Each setting can also be given by an environment
variable, or by the flag `--set NAME=VALUE`. A flag wins over the environment, the environment over the file, the file
over the default. What does not belong here is refused with its line, so a spelling mistake never goes unnoticed. The
file is read once, at start.

The smallest file that works:

```toml
[node]
data_dir = \"/var/lib/kyvos-manager\"
```

Settings of the *group*, such as `ENABLE_KM_HA`, the load balancer's URL or the election timers, are not here: they are
properties, the same on every Manager, changed in the dashboard or with `km properties set`.
";

/// The whole page.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut section = "";
    for setting in SETTINGS {
        let of = setting.key.split('.').next().unwrap_or_default();
        if of != section {
            section = of;
            let _ = write!(page, "\n## [{section}]\n"); // writing to a String cannot fail
        }
        entry(&mut page, setting);
    }
    page
}

fn entry(page: &mut String, setting: &Setting) {
    let Setting { key, kind, default, purpose, change } = setting;
    let lines = [
        format!("\n### `{key}`\n"),
        format!("{purpose}\n"),
        format!("- Value: {}.", describe(*kind)),
        format!("- Default: {}.", absent(*default)),
        format!("- Change it: {change}"),
        format!("- Environment: `{}`\n", setting.variable()),
    ];
    page.push_str(&lines.join("\n"));
}

fn describe(kind: Kind) -> String {
    match kind {
        Kind::Path => {
            "a path; a relative one is taken from the folder of the configuration file".into()
        }
        Kind::Host => "a host name or IP address, without a port".into(),
        Kind::Listen => "`IP:PORT`".into(),
        Kind::Address => "`HOST:PORT`".into(),
        Kind::Url => "an `https` URL without a path".into(),
        Kind::Integer { min, max, unit } => format!("{min} to {max} {unit}"),
        Kind::Choice(words) => format!("`{}`", words.join("`, `")),
    }
}

fn absent(default: Default) -> String {
    match default {
        Default::Value(text) => format!("`{text}`"),
        Default::Derived(of) => of.into(),
        Default::None => "none".into(),
        Default::Required => "none, it must be given".into(),
    }
}
