//! Takes secrets out of log lines before they leave the group: a second lock on a door that is closed anyway, for no
//! secret is meant to be in a log (promise 9), and a log may hold what a library or a host's command said.
//!
//! | our tokens, `km_s_…` and `km_t_…`; join and enrolment tokens `SECRET.AUTHORITY.ADDRESS` | by their form |
//! | what follows `Authorization`, `Bearer`, `Basic`, `Cookie` | to the end of the value |
//! | what follows a name with password, secret, token, passphrase, api key … in it and `=` or `:` | the value |
//! | private keys | from BEGIN to END, over lines |

use serde_json::Value;

/// What stands in a secret's place.
pub(super) const GONE: &str = "[redacted]";

/// Fewest characters of what is taken for a token's secret part.
const SECRET_MIN: usize = 8;
/// Characters of an authority's fingerprint in a join token.
const FINGERPRINT: usize = 64;

/// Words that, as part of a name, make its value a secret.
const SECRET_NAMES: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "group_key",
];
/// Headers and schemes whose value is a secret to its end.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "__host-km"];
const SCHEMES: [&str; 2] = ["bearer ", "basic "];

/// Whether a thing of that name keeps a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let low = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| low.contains(word))
}

/// Takes the values away of whatever is named like a secret: a property is named in one field and its value stands in
/// another.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => {
            let named = ["name", "object", "subject"]
                .iter()
                .any(|field| fields.get(*field).and_then(Value::as_str).is_some_and(is_secret));
            for (field, value) in fields.iter_mut() {
                let holds =
                    matches!(field.as_str(), "value" | "default" | "before" | "after" | "data");
                if !value.is_null() && (is_secret(field) || named && holds) {
                    *value = GONE.into();
                } else {
                    mask(value);
                }
            }
        }
        _ => {}
    }
}

/// Redacts lines in order: a private key stretches over several.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    in_key: bool,
}

impl Redactor {
    /// The line without secrets.
    pub(super) fn line(&mut self, line: &str) -> String {
        let open = self.without_keys(line);
        let open = without_tokens(&open);
        without_values(&open)
    }

    /// Private keys in PEM, also those written in one line.
    fn without_keys(&mut self, line: &str) -> String {
        let mut kept = String::new();
        let mut rest = line;
        loop {
            if self.in_key {
                match end_of_key(rest) {
                    None => {
                        kept.push_str(GONE);
                        return kept;
                    }
                    Some(end) => {
                        kept.push_str(GONE);
                        rest = &rest[end..];
                        self.in_key = false;
                    }
                }
            }
            match begin_of_key(rest) {
                None => {
                    kept.push_str(rest);
                    return kept;
                }
                Some(begin) => {
                    kept.push_str(&rest[..begin]);
                    rest = &rest[begin..];
                    // Past the word BEGIN, so that the end is looked for behind it.
                    rest = rest.strip_prefix("-----BEGIN").unwrap_or(rest);
                    self.in_key = true;
                }
            }
        }
    }
}

fn begin_of_key(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("-----BEGIN").map(|at| at + from) {
        let label = text[at + "-----BEGIN".len()..].split("-----").next().unwrap_or_default();
        if label.contains("PRIVATE KEY") {
            return Some(at);
        }
        from = at + "-----BEGIN".len();
    }
    None
}

fn end_of_key(text: &str) -> Option<usize> {
    let at = text.find("-----END")?;
    let behind = at + "-----END".len();
    let closing = text[behind..].find("-----");
    Some(closing.map_or(text.len(), |closing| behind + closing + "-----".len()))
}

/// Words that are tokens by their form.
fn without_tokens(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut word = String::new();
    for letter in line.chars() {
        if is_token(letter) || letter == '.' {
            word.push(letter);
            continue;
        }
        flush(&mut kept, &mut word);
        kept.push(letter);
    }
    flush(&mut kept, &mut word);
    kept
}

fn flush(kept: &mut String, word: &mut String) {
    match token_start(word) {
        Some(start) => {
            kept.push_str(&word[..start]);
            kept.push_str(GONE);
        }
        None => kept.push_str(word),
    }
    word.clear();
}

/// Where in a word a token's secret begins; what follows it goes too.
fn token_start(word: &str) -> Option<usize> {
    let ours = ["km_s_", "km_t_"].iter().filter_map(|prefix| {
        let at = word.find(prefix)? + prefix.len();
        let secret = word[at..].chars().take_while(|letter| is_token(*letter)).count();
        (secret >= SECRET_MIN).then_some(at)
    });
    let first = ours.min();
    first.or_else(|| is_invitation(word).then_some(0))
}

/// `SECRET.AUTHORITY.…`: a secret, then a fingerprint.
fn is_invitation(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.windows(2).any(|pair| {
        let [secret, authority] = pair else { return false };
        let hex =
            authority.len() == FINGERPRINT && authority.bytes().all(|b| b.is_ascii_hexdigit());
        hex && secret.len() >= SECRET_MIN
    })
}

fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '+' | '/' | '=')
}

/// Values behind names and schemes that say they are secret.
fn without_values(line: &str) -> String {
    // Lower case of ASCII only: every offset in it is one in the line.
    let low = line.to_ascii_lowercase();
    let mut kept = String::with_capacity(line.len());
    let mut at = 0;
    while let Some((begin, end)) = next_value(&low, at) {
        kept.push_str(&line[at..begin]);
        kept.push_str(GONE);
        at = end;
    }
    kept.push_str(&line[at..]);
    kept
}

/// The next secret value at or after `from`.
fn next_value(low: &str, from: usize) -> Option<(usize, usize)> {
    let headers = SECRET_HEADERS.iter().filter_map(|name| header_value(low, from, name));
    let schemes = SCHEMES.iter().filter_map(|scheme| scheme_value(low, from, scheme));
    let names = SECRET_NAMES.iter().filter_map(|name| named_value(low, from, name));
    headers.chain(schemes).chain(names).min()
}

/// Every place of a word at or after `from`.
fn places<'l>(low: &'l str, from: usize, word: &'l str) -> impl Iterator<Item = usize> + 'l {
    low[from..].match_indices(word).map(move |(at, _)| from + at)
}

/// Behind a header's name: all to the end of its value, which may hold spaces.
fn header_value(low: &str, from: usize, name: &str) -> Option<(usize, usize)> {
    places(low, from, name).find_map(|at| {
        let begin = value_start(low, at + name.len())?;
        let quoted = low[..begin].ends_with('"');
        let ends =
            |letter: char| if quoted { letter == '"' } else { matches!(letter, '"' | '\'' | ',') };
        span(low, begin, ends)
    })
}

/// Behind a scheme: one word.
fn scheme_value(low: &str, from: usize, scheme: &str) -> Option<(usize, usize)> {
    places(low, from, scheme).find_map(|at| {
        let apart = !low[..at].ends_with(|letter: char| letter.is_ascii_alphanumeric());
        let (begin, end) =
            span(low, at + scheme.len(), |letter| !is_token(letter) && letter != '.')?;
        (apart && end - begin >= SECRET_MIN).then_some((begin, end))
    })
}

/// Behind a name that holds the word, and `=` or `:`.
fn named_value(low: &str, from: usize, word: &str) -> Option<(usize, usize)> {
    places(low, from, word).find_map(|at| {
        // The name goes on behind the word: `password_hash`, `secrets`.
        let rest = low[at + word.len()..]
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')));
        let begin = value_start(low, at + word.len() + rest?)?;
        let quoted = low[..begin].ends_with('"');
        let ends = |letter: char| match quoted {
            true => letter == '"',
            false => letter.is_whitespace() || matches!(letter, ',' | ';' | '&' | '}' | ')' | '"'),
        };
        span(low, begin, ends)
    })
}

/// Where a value begins behind its name: after an optional quote, `=` or `:`, blanks and an optional quote.
fn value_start(low: &str, name_end: usize) -> Option<usize> {
    let mut at = name_end;
    let skip = |at: &mut usize, letters: &[u8]| {
        while low.as_bytes().get(*at).is_some_and(|byte| letters.contains(byte)) {
            *at += 1;
        }
    };
    skip(&mut at, b"\"\\' ");
    if !matches!(low.as_bytes().get(at), Some(b'=' | b':')) {
        return None;
    }
    at += 1;
    skip(&mut at, b" \\");
    if low.as_bytes().get(at) == Some(&b'"') {
        at += 1;
    }
    Some(at)
}

/// A value from `begin` to the first letter that ends it; none when it is empty or gone already.
fn span(low: &str, begin: usize, ends: impl Fn(char) -> bool) -> Option<(usize, usize)> {
    let text = low.get(begin..)?;
    let mut escaped = false;
    let end = text.char_indices().find(|(_, letter)| {
        let over = !escaped && ends(*letter);
        escaped = *letter == '\\' && !escaped;
        over
    });
    let end = begin + end.map_or(text.len(), |(end, _)| end);
    (end > begin && !low[begin..end].starts_with(GONE)).then_some((begin, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(line: &str) -> String {
        Redactor::default().line(line)
    }

    #[test]
    fn each_form_of_a_secret_is_gone_and_what_is_told_around_it_stays() {
        let fingerprint = "ab".repeat(32);
        for (line, wanted) in [
            ("session km_s_0123456789abcdef began", "session km_s_[redacted] began"),
            ("token=km_t_0123456789abcdef x", "token=[redacted] x"),
            (&format!("join s3cr3ts3cr3t.{fingerprint}.km1:7443 now"), "join [redacted]:7443 now"),
            ("Authorization: Bearer abc.def-ghi, next", "Authorization: [redacted], next"),
            (
                r#"{"authorization":"Basic YWRtaW46eA==","a":1}"#,
                r#"{"authorization":"[redacted]","a":1}"#,
            ),
            ("sent bearer abcdefgh12 to it", "sent bearer [redacted] to it"),
            ("the bearer of news", "the bearer of news"),
            (r#"{"password":"hun\"ter2","b":2}"#, r#"{"password":"[redacted]","b":2}"#),
            ("db_password = hunter2; user=kyvos", "db_password = [redacted]; user=kyvos"),
            ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[redacted] psql"),
            ("password_hash: $argon2id$v=19$x", "password_hash: [redacted]"),
            ("a wrong password was given", "a wrong password was given"),
            ("Set-Cookie: __Host-km=km_s_0123456789abcdef; Path=/", "Set-Cookie: [redacted]"),
            (
                "key -----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY----- end",
                "key [redacted] end",
            ),
            ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
            ("Manager 4 is Active in epoch 12", "Manager 4 is Active in epoch 12"),
        ] {
            assert_eq!(redacted(line), wanted, "of {line}");
        }
    }

    #[test]
    fn a_value_is_masked_whose_name_stands_in_another_field() {
        let mut told = serde_json::json!({ "items": [
            { "name": "DB_PASSWORD", "value": "hunter2", "default": null, "file": "custom" },
            { "name": "greeting", "value": "hello" },
            { "object": "custom/api_key", "before": null, "after": "x", "action": "properties.set" },
        ] });
        mask(&mut told);
        assert_eq!(
            told,
            serde_json::json!({ "items": [
            { "name": "DB_PASSWORD", "value": GONE, "default": null, "file": "custom" },
            { "name": "greeting", "value": "hello" },
            { "object": "custom/api_key", "before": null, "after": GONE, "action": "properties.set" },
        ] })
        );
    }

    #[test]
    fn a_private_key_is_gone_over_all_its_lines() {
        let mut redactor = Redactor::default();
        let lines = [
            "a -----BEGIN EC PRIVATE KEY-----",
            "MHcCAQEEIA",
            "b3Blbg==",
            "-----END EC PRIVATE KEY----- z",
            "after",
        ];
        let told: Vec<_> = lines.iter().map(|line| redactor.line(line)).collect();
        assert_eq!(told, ["a [redacted]", "[redacted]", "[redacted]", "[redacted] z", "after"]);
    }

    /// The ways a secret may stand in a line.
    fn in_a_line(secret: &str, form: usize) -> String {
        match form {
            0 => format!("km_s_{secret}"),
            1 => format!("km_t_{secret}"),
            2 => format!("{secret}.{}.host:1", "0f".repeat(32)),
            3 => format!("Authorization: Bearer {secret}"),
            4 => format!("\"password\":\"{secret}\""),
            5 => format!("admin_password={secret}"),
            6 => format!("-----BEGIN PRIVATE KEY-----{secret}-----END PRIVATE KEY-----"),
            7 => format!("cookie: __Host-km={secret}"),
            _ => format!("ENROL_TOKEN='{secret}'"),
        }
    }

    proptest! {
        #[test]
        fn no_secret_survives_wherever_it_stands(
            before in "[ -~äß€]{0,40}",
            secret in "[A-Za-z0-9_-]{12,64}",
            after in "[ -~äß€]{0,40}",
            form in 0..9_usize,
        ) {
            // What stands before must not happen to end the secret's name, nor hold the secret itself.
            prop_assume!(!before.contains(&secret) && !after.contains(&secret));
            let line = format!("{before} {} {after}", in_a_line(&secret, form));
            let told = redacted(&line);
            prop_assert!(!told.contains(&secret), "{told}");
        }

        #[test]
        fn any_line_is_taken_and_a_second_pass_changes_nothing(line in "\\PC{0,200}") {
            let once = redacted(&line);
            prop_assert_eq!(redacted(&once), once);
        }

        #[test]
        fn a_line_without_a_secret_s_name_or_form_stays_as_it_is(line in "[a-jA-J0-9 .:=,{}\"äß]{0,120}") {
            prop_assert_eq!(redacted(&line), line);
        }
    }
}
