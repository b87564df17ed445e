//! What a lab calls what it makes: everything begins with the process id of its program, so that it can be told whose it is.

/// What every name begins with.
const PREFIX: &str = "kmc";

/// What the names of this program begin with.
pub(crate) fn own() -> String {
    format!("{PREFIX}{}", std::process::id())
}

/// The namespace of a host, and the label of its disk.
pub(super) fn host(lab: &str, place: usize) -> String {
    format!("{lab}-{}", place + 1)
}

/// The namespace of the bridge.
pub(super) fn switch(lab: &str) -> String {
    format!("{lab}-sw")
}

/// The namespace of the clients.
pub(super) fn clients(lab: &str) -> String {
    format!("{lab}-clients")
}

/// The process id that a name begins with, if a lab gave it.
pub(super) fn owner(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(PREFIX)?;
    let (pid, _) = rest.split_once('-').unwrap_or((rest, ""));
    pid.bytes().all(|byte| byte.is_ascii_digit()).then(|| pid.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_lab_makes_tells_whose_it_is_and_nothing_else_does() {
        assert!(host("kmc4194304", 98).len() <= 16, "a label is no longer");
        let lab = own();
        let names = [host(&lab, 0), switch(&lab), clients(&lab), format!("{lab}-cpu0-1"), lab];
        assert!(names.iter().all(|name| owner(name) == Some(std::process::id())), "{names:?}");
        for other in ["kmc", "kmc-1", "kmcx-1", "kmc12x-1", "km12-1", "docker0", ""] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
