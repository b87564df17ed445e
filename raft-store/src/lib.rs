//! What a Raft member keeps on its disk, and what it promises about it.
pub mod machine;
pub mod types;
