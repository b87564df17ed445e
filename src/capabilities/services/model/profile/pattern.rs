//! A pattern of paths: parts between slashes, each literal or with placeholders in it.

use super::is_host;

/// Longest path of a znode that is looked at, and longest pattern, in bytes.
pub const PATH_MAX_BYTES: usize = 512;
/// Most parts of a pattern.
const PARTS_MAX: usize = 12;
/// Most placeholders of one part: fitting tries their lengths.
const PLACEHOLDERS_MAX: usize = 3;

/// What a path said at the placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
}

/// A pattern, taken apart.
pub(super) struct Pattern<'p> {
    parts: Vec<Vec<Token<'p>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'p> {
    Literal(&'p str),
    Host,
    Port,
    Any,
}

/// Whether this is the path of a znode, and none that is longer than is looked at.
pub fn is_path(path: &str) -> bool {
    let parts = || path.split('/').skip(1);
    let straight = || parts().all(|part| !part.is_empty() && part != "." && part != "..");
    let plain = path.len() <= PATH_MAX_BYTES && !path.chars().any(char::is_control);
    path == "/" || (path.starts_with('/') && plain && straight())
}

/// A port by its digits.
pub(super) fn port(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

impl<'p> Pattern<'p> {
    /// Takes a pattern apart, or says what is wrong with it.
    pub(super) fn parse(text: &'p str) -> Result<Self, &'static str> {
        if text == "/" || !is_path(text) {
            return Err("is no absolute path without . and .. and empty parts");
        }
        let parts: Vec<_> = text.split('/').skip(1).map(tokens).collect::<Result<_, _>>()?;
        if parts.len() > PARTS_MAX {
            return Err("has more than 12 parts");
        }
        if !is_literal(&parts[0]) {
            return Err("must begin with a literal part: what lies beneath it is watched");
        }
        let all = || parts.iter().flatten();
        for (of, why) in
            [(Token::Host, "has {host} more than once"), (Token::Port, "has {port} more than once")]
        {
            if all().filter(|token| **token == of).count() > 1 {
                return Err(why);
            }
        }
        Ok(Self { parts })
    }

    pub(super) fn says_host(&self) -> bool {
        self.parts.iter().flatten().any(|token| *token == Token::Host)
    }

    /// The longest path above all that fit, itself included.
    pub(super) fn base(&self) -> String {
        let literal = self.parts.iter().take_while(|part| is_literal(part));
        literal.fold(String::new(), |base, part| match part.as_slice() {
            [Token::Literal(text)] => base + "/" + text,
            _ => base,
        })
    }

    /// Whether a path that fits may lie beneath this one.
    pub(super) fn leads_on(&self, path: &str) -> bool {
        if path == "/" {
            return true;
        }
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let fits = || parts.iter().zip(&self.parts).all(|(text, part)| fit(part, text).is_some());
        parts.len() < self.parts.len() && fits()
    }

    /// What a path says at the placeholders; `None`: it does not fit.
    pub(super) fn bind(&self, path: &str) -> Option<Bound> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        if parts.len() != self.parts.len() || path.len() > PATH_MAX_BYTES {
            return None;
        }
        let mut bound = Bound::default();
        for (text, part) in parts.iter().zip(&self.parts) {
            let Bound { host, port } = fit(part, text)?;
            bound.host = bound.host.or(host);
            bound.port = bound.port.or(port);
        }
        Some(bound)
    }
}

fn is_literal(part: &[Token<'_>]) -> bool {
    matches!(part, [Token::Literal(_)])
}

fn tokens(part: &str) -> Result<Vec<Token<'_>>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = part;
    while !rest.is_empty() {
        let open = rest.find('{').unwrap_or(rest.len());
        let (literal, further) = rest.split_at(open);
        if literal.contains('}') {
            return Err("has a } without its {");
        }
        if !literal.is_empty() {
            tokens.push(Token::Literal(literal));
        }
        let Some(inner) = further.strip_prefix('{') else { break };
        let (name, further) = inner.split_once('}').ok_or("has a { without its }")?;
        if matches!(tokens.last(), Some(Token::Host | Token::Port | Token::Any)) {
            return Err("has two placeholders with nothing between them");
        }
        tokens.push(match name {
            "host" => Token::Host,
            "port" => Token::Port,
            "any" => Token::Any,
            _ => return Err("has a placeholder that is none of {host}, {port} and {any}"),
        });
        rest = further;
    }
    let placeholders = tokens.iter().filter(|token| !matches!(token, Token::Literal(_))).count();
    if placeholders > PLACEHOLDERS_MAX {
        return Err("has more than three placeholders in one part");
    }
    Ok(tokens)
}

/// Fits one part. The shortest text for each placeholder is tried first.
fn fit(tokens: &[Token<'_>], text: &str) -> Option<Bound> {
    let Some((first, rest)) = tokens.split_first() else {
        return text.is_empty().then(Bound::default);
    };
    if let Token::Literal(literal) = first {
        return fit(rest, text.strip_prefix(literal)?);
    }
    let ends = match rest.first() {
        None => vec![text.len()],
        Some(Token::Literal(next)) => text.match_indices(next).map(|(at, _)| at).collect(),
        Some(Token::Host | Token::Port | Token::Any) => return None,
    };
    ends.into_iter().filter(|end| *end > 0).find_map(|end| {
        let taken = take(*first, &text[..end])?;
        let further = fit(rest, &text[end..])?;
        Some(Bound { host: taken.host.or(further.host), port: taken.port.or(further.port) })
    })
}

fn take(token: Token<'_>, text: &str) -> Option<Bound> {
    match token {
        Token::Literal(_) => None,
        Token::Any => Some(Bound::default()),
        Token::Host => is_host(text).then(|| Bound { host: Some(text.to_owned()), port: None }),
        Token::Port => Some(Bound { host: None, port: Some(port(text)?) }),
    }
}
