//! The calls of clients that change something. A new workload tells here what its calls change; every checker that asks
//! whether the group took a change then knows them. Whose pasts are read is told in `pasts.rs`: elements of a set are too many.

/// What a client's call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// A property: an element of a set is one as well.
    Property,
    /// A property, by a request that is going to be repeated.
    Request,
    /// Nothing any more, if the request of before was taken; it is answered after the group agreed, as a change is.
    Repeated,
    /// Who is signed in.
    Session,
}

impl Changes {
    /// What the call of this name changes; `None`: nothing.
    pub fn by(f: &str) -> Option<Self> {
        Some(match f {
            "write" | "cas" | "delete" | "add" | "append" => Self::Property,
            "ask" => Self::Request,
            "again" => Self::Repeated,
            "login" | "logout" => Self::Session,
            _ => return None,
        })
    }
}
